import type { ErrorRequestHandler } from 'express';
import { AuthorizationError, TokenError } from 'oauth2orize';
import { OAuthError } from 'passport-private-key-jwt';
import type { Log } from './log.js';

/**
 * What a caller may learn of an error, from whichever library it comes; undefined where it is the
 * server's own. oauth2orize gives statuses that RFC 6749 §5.2 does not know, so they are not taken.
 */
export function toOAuthError(error: unknown): OAuthError | undefined {
  if (error instanceof OAuthError) return error;
  const isProtocols = error instanceof TokenError || error instanceof AuthorizationError;
  if (!isProtocols || error.code === 'server_error') return undefined;
  return new OAuthError(error.code, error.message);
}

/** Hands what `oauthErrorHandler` does not know to it in a form that it does. */
export function translateErrors(): ErrorRequestHandler {
  return (error, _request, _response, next) => {
    next(toOAuthError(error) ?? error);
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
