import type { ErrorRequestHandler } from 'express';
import { AuthorizationError, TokenError } from 'oauth2orize';
import { ClientAuthenticationError, OAuthError } from 'passport-private-key-jwt';
import type { RegisteredClient } from './clients/registered-client.js';
import type { Log } from './log.js';

/** An OAuth error with a reason for the operator, which the caller does not learn. */
export class Refusal extends OAuthError {
  readonly reason: string;
  /** What came, if the operator may see it. */
  readonly actual: string | undefined;

  constructor(error: string, description: string, reason: string, actual?: string) {
    super(error, description);
    this.reason = reason;
    this.actual = actual;
  }
}

/**
 * What a caller may learn of an error, from whichever library it comes; undefined if the error is the
 * server's own. The statuses of oauth2orize are unknown to RFC 6749 §5.2 and are not taken.
 */
export function toOAuthError(error: unknown): OAuthError | undefined {
  if (error instanceof OAuthError) return error;
  const isProtocols = error instanceof TokenError || error instanceof AuthorizationError;
  if (!isProtocols || error.code === 'server_error') return undefined;
  return new OAuthError(error.code, error.message);
}

/** Turns an error of oauth2orize into one that `oauthErrorHandler` knows. */
export function translateErrors(): ErrorRequestHandler {
  return (error, _request, _response, next) => {
    next(toOAuthError(error) ?? error);
  };
}

/** The operator's reason of an error, with the values that a check compared. */
function reasonOf(error: OAuthError): object {
  const { reason, expected, actual } = error as OAuthError & {
    readonly reason?: unknown;
    readonly expected?: unknown;
    readonly actual?: unknown;
  };
  return { reason: reason ?? error.message, expected, actual };
}

/** Logs each OAuth error. The authentication of a client has an event of its own. */
export function logErrors(log: Log): ErrorRequestHandler {
  return (error, request, _response, next) => {
    const known = toOAuthError(error);
    if (known !== undefined && !(known instanceof ClientAuthenticationError)) {
      const { clientId } = (request.user ?? {}) as Partial<RegisteredClient>;
      log('oauth_error', {
        path: request.originalUrl.split('?', 1)[0],
        clientId: clientId ?? request.clientId,
        error: known.error,
        ...reasonOf(known),
      });
    }
    next(error);
  };
}

/** Answers an error that is the server's own, and logs it. */
export function serverErrors(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const { stack } = error instanceof Error ? error : new Error(String(error));
    log('server_error', { path: request.path, stack });
    if (response.headersSent) response.destroy();
    else response.status(500).json({ error: 'server_error' });
  };
}
