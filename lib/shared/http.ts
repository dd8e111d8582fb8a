import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConfigurationError, type OAuthError } from './errors.js';

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
  readonly headers: Readonly<Record<string, string>>;
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

const FORM = 'application/x-www-form-urlencoded';

/** Whether a request is a POST of `application/x-www-form-urlencoded`. */
function isFormPost({ method, headers }: ExpressRequest): boolean {
  if (method !== 'POST') return false;
  const contentType = headers['content-type'] ?? '';
  if (contentType === FORM) return true;
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase() === FORM;
}

/** Whether a request announces a body. */
function hasBody({ headers }: ExpressRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}

/** Whether somebody has read the body, which may have turned out to be empty. */
const wasRead = ({ readableDidRead, readableEnded }: ExpressRequest): boolean =>
  readableDidRead || readableEnded;

const REMEDY =
  'mount express.urlencoded({ extended: false }) first, and nothing before it that reads the body';

/** Who has read the body in a way that leaves no form. */
function wrongReader(request: ExpressRequest): string {
  const { body } = request;
  if (body instanceof Uint8Array) return 'express.raw has read it as bytes';
  if (typeof body === 'string') return 'express.text has read it as a text';
  return wasRead(request) ? 'something has read it and left no req.body' : 'nothing has parsed it';
}

const unparsed = (request: ExpressRequest): ConfigurationError =>
  new ConfigurationError(`The request has a form, but ${wrongReader(request)}: ${REMEDY}.`);

/**
 * The parsed form of a POST of `application/x-www-form-urlencoded`; undefined for other requests.
 *
 * @throws {ConfigurationError} if no parser has parsed the form; it says who has read the body
 */
export function readForm(request: ExpressRequest): Readonly<Record<string, unknown>> | undefined {
  if (!isFormPost(request)) return undefined;
  const { body } = request;
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) {
    if (hasBody(request)) throw unparsed(request);
    return {};
  }
  // The parsers of Express 4 leave an empty object if they read nothing.
  if (Object.keys(body).length === 0 && hasBody(request) && !wasRead(request)) {
    throw unparsed(request);
  }
  return body as Readonly<Record<string, unknown>>;
}
