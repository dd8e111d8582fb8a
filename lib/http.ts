import type { IncomingMessage } from 'node:http';

/** What is read of an Express request, 4 or 5. */
export interface ExpressRequest extends IncomingMessage {
  readonly body?: unknown;
  readonly originalUrl?: string;
}

/** Express's `next`. */
export type Next = (error?: unknown) => void;

/** Whether a request is a POST of `application/x-www-form-urlencoded`. */
export function isFormPost(request: ExpressRequest): boolean {
  if (request.method !== 'POST') return false;
  const contentType = request.headers['content-type'] ?? '';
  const mediaType = contentType.split(';', 1)[0] ?? '';
  return mediaType.trim().toLowerCase() === 'application/x-www-form-urlencoded';
}

/** Whether a request announces a body. */
export function hasBody({ headers }: ExpressRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}
