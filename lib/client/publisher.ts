import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Middleware } from '../shared/http.js';

/** Whether the caller has this version already (RFC 9110 §13.1.2). */
function isKnown({ headers }: IncomingMessage, etag: string): boolean {
  const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim());
  return known.includes('*') || known.some((tag) => tag.replace(/^W\//, '') === etag);
}

function send(request: IncomingMessage, response: ServerResponse, body: string): void {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  response.setHeader('ETag', etag);
  if (isKnown(request, etag)) {
    response.statusCode = 304;
    response.removeHeader('Content-Type');
    response.end();
    return;
  }
  response.statusCode = 200;
  response.setHeader('Content-Length', Buffer.byteLength(body));
  // Node leaves it out of the answer to HEAD.
  response.end(body);
}

/**
 * Answers GET and HEAD with a text that caches may keep (RFC 9110 §8.8.3, RFC 9111 §5.2).
 *
 * @param maxAge in seconds
 */
export function publisher(
  contentType: string,
  bodyOf: () => string | Promise<string>,
  maxAge: number,
): Middleware {
  const cacheControl = `public, max-age=${Math.floor(maxAge)}`;
  return async (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      next();
      return;
    }
    try {
      const body = await bodyOf();
      response.setHeader('Content-Type', contentType);
      response.setHeader('Cache-Control', cacheControl);
      send(request, response, body);
    } catch (error) {
      next(error);
    }
  };
}
