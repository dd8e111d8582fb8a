import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { OAuthError } from '../shared/errors.js';
import { hasAuthorization, sendOAuthError } from '../shared/http.js';
import type { PrivateKeyJwtStrategy } from './strategy.js';

interface HttpError {
  readonly status: number;
  readonly name?: unknown;
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
}

/** Of the body parsers of Express 4 and 5. */
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

/** From zlib and Brotli. */
const DECOMPRESSION_ERROR = /^(?:Z_|ERR__ERROR_)/;

const isHttpError = (error: unknown): error is HttpError =>
  typeof error === 'object' &&
  error !== null &&
  typeof (error as { status?: unknown }).status === 'number';

const isParserError = ({ type, code }: HttpError): boolean =>
  PARSER_ERRORS.includes(type) || (typeof code === 'string' && DECOMPRESSION_ERROR.test(code));

/** Passport does not export the class; match name and message. */
export const isPassportFailure = (error: unknown, response: ServerResponse): error is HttpError =>
  isHttpError(error) &&
  error.name === 'AuthenticationError' &&
  error.status === response.statusCode &&
  error.message === STATUS_CODES[error.status];

function callerError(
  error: unknown,
  response: ServerResponse,
  clientStatus: 400 | 401,
): OAuthError | undefined {
  if (error instanceof OAuthError) return error;
  if (!isHttpError(error)) return undefined;
  const { status } = error;
  const isFailure = isPassportFailure(error, response);
  if (isFailure && status === 401) {
    return new OAuthError('invalid_client', 'Client authentication failed.', clientStatus);
  }
  if (status < 400 || status >= 500 || !(isFailure || isParserError(error))) return undefined;
  return new OAuthError('invalid_request', 'The request could not be read.', status);
}

/**
 * An Express error handler for OAuth endpoints. It answers the errors of this library, of
 * `passport.authenticate(…, { failWithError: true })`, and of body parsers. Any other error goes to
 * the next handler.
 * @param strategy its `invalidClientStatus` applies to Passport's failures too. Default 401
 * @example
 * ```ts
 * app.post('/token', passport.authenticate('private-key-jwt', { session: false, failWithError: true }), token);
 * app.use(oauthErrorHandler(privateKeyJwt));
 * ```
 */
export function oauthErrorHandler(
  strategy?: PrivateKeyJwtStrategy,
): (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void {
  const status = strategy?._authenticator.pipeline.settings.invalidClientStatus ?? 401;
  return (error, request, response, next) => {
    const clientStatus = hasAuthorization(request.headers.authorization) ? 401 : status;
    const known = callerError(error, response, clientStatus);
    if (known === undefined || response.headersSent) next(error);
    else sendOAuthError(known, request, response);
  };
}
