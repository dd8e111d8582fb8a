import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { OAuthError } from './errors.js';

/** What counts of a request, whichever framework it comes from. */
export interface FormRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly originalUrl?: string;
  readonly headers: IncomingHttpHeaders;
  readonly body?: unknown;
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
}

/** What is read of an Express request, 4 or 5. */
export interface ExpressRequest extends IncomingMessage {
  readonly body?: unknown;
  readonly originalUrl?: string;
}

/** Express's `next`. */
export type Next = (error?: unknown) => void;

/**
 * An Express middleware; assignable to Express's own type. Its request has no body, so that Express
 * goes on to infer that of the handlers beside it.
 */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/** An answer that any server can send. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** An empty Authorization header is none: some gateways add one. */
export const hasAuthorization = (authorization: string | null | undefined): boolean =>
  typeof authorization === 'string' && authorization.trim() !== '';

/** The scheme that the caller used, which the challenge must match (RFC 6749 §5.2). */
const schemeOf = (authorization: string): string =>
  /^[A-Za-z][A-Za-z0-9-]{0,31}(?= |$)/.exec(authorization)?.[0] ?? 'Basic';

/**
 * An OAuth error as RFC 6749 §5.2 wants it: JSON, never cached, with `WWW-Authenticate` only if the
 * caller used the Authorization header.
 */
export function oauthAnswer(error: OAuthError, authorization: string | null | undefined): Answer {
  const isChallenge = error.status === 401 && hasAuthorization(authorization);
  return {
    status: error.status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      Pragma: 'no-cache',
      ...(isChallenge && {
        'WWW-Authenticate': `${schemeOf(String(authorization))} realm="OAuth"`,
      }),
    },
    body: JSON.stringify(error),
  };
}

/**
 * Answers an OAuth error as RFC 6749 §5.2 wants it. A challenge that another strategy has set stays
 * if the answer is one.
 */
export function sendOAuthError(
  error: OAuthError,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { status, headers, body } = oauthAnswer(error, request.headers.authorization);
  const challenge = response.getHeader('WWW-Authenticate');
  response.removeHeader('WWW-Authenticate');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (challenge !== undefined && headers['WWW-Authenticate'] !== undefined) {
    response.setHeader('WWW-Authenticate', challenge);
  }
  response.statusCode = status;
  response.end(body);
}
