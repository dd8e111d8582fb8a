import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { OAuthError } from '../shared/errors.js';
import type { Next } from '../shared/http.js';

/** An Express error handler; assignable to Express's own type. */
export type ErrorHandler = (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: Next,
) => void;

/** Passport's failure (`failWithError`), an error of a body parser, or one that looks like it. */
interface HttpError {
  readonly status: number;
  readonly name?: unknown;
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
}

/** What the body parsers of Express 4 and 5 find wrong with a body. */
const PARSER_ERRORS: readonly unknown[] = [
  'charset.unsupported',
  'encoding.unsupported',
  'entity.parse.failed',
  'entity.too.large',
  'entity.verify.failed',
  'parameters.too.many',
  'querystring.parse.rangeError',
  'request.aborted',
  'request.size.invalid',
];

/** The codes of Node for what cannot be decompressed, by zlib and by Brotli. */
const DECOMPRESSION_ERROR = /^(?:Z_|ERR__ERROR_)/;

const isHttpError = (error: unknown): error is HttpError =>
  typeof error === 'object' &&
  error !== null &&
  typeof (error as { status?: unknown }).status === 'number';

const isParserError = ({ type, code }: HttpError): boolean =>
  PARSER_ERRORS.includes(type) || (typeof code === 'string' && DECOMPRESSION_ERROR.test(code));

/**
 * Whether an error is Passport's, of a request that no strategy accepted. It has no class that can be
 * had: it is what it is called and how it is made.
 */
export const isPassportFailure = (error: unknown, response: ServerResponse): error is HttpError =>
  isHttpError(error) &&
  error.name === 'AuthenticationError' &&
  error.status === response.statusCode &&
  error.message === STATUS_CODES[error.status];

/** What the caller may learn of an error; undefined where it is not about the caller. */
function callerError(error: unknown, response: ServerResponse): OAuthError | undefined {
  if (error instanceof OAuthError) return error;
  if (!isHttpError(error)) return undefined;
  const { status } = error;
  const isFailure = isPassportFailure(error, response);
  if (isFailure && status === 401) {
    return new OAuthError('invalid_client', 'Client authentication failed.', 401);
  }
  if (status < 400 || status >= 500 || !(isFailure || isParserError(error))) return undefined;
  return new OAuthError('invalid_request', 'The request could not be read.', status);
}

/** The scheme that the caller used, which the challenge must match (RFC 6749 §5.2). */
const schemeOf = (authorization: string): string =>
  /^[A-Za-z][A-Za-z0-9-]{0,31}(?= |$)/.exec(authorization)?.[0] ?? 'Basic';

/**
 * Answers an OAuth error as RFC 6749 §5.2 wants it: JSON, never cached, with `WWW-Authenticate`
 * only where the caller used the Authorization header.
 */
export function sendOAuthError(
  error: OAuthError,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { authorization } = request.headers;
  if (error.status !== 401 || authorization === undefined) {
    response.removeHeader('WWW-Authenticate');
  } else if (!response.hasHeader('WWW-Authenticate')) {
    response.setHeader('WWW-Authenticate', `${schemeOf(authorization)} realm="OAuth"`);
  }
  response.statusCode = error.status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Pragma', 'no-cache');
  response.end(JSON.stringify(error));
}

/**
 * An Express error handler for OAuth endpoints. It answers the errors of this library, those that
 * `passport.authenticate(…, { failWithError: true })` makes, and requests that a body parser could
 * not read; any other error goes on to the next handler.
 *
 * @example
 * ```ts
 * app.post('/token', passport.authenticate('private-key-jwt', { session: false, failWithError: true }), token);
 * app.use(oauthErrorHandler());
 * ```
 */
export function oauthErrorHandler(): ErrorHandler {
  return (error, request, response, next) => {
    const known = callerError(error, response);
    if (known === undefined || response.headersSent) next(error);
    else sendOAuthError(known, request, response);
  };
}
