import type { ServerResponse } from 'node:http';
import { OAuthError } from '../shared/errors.js';
import type { ExpressRequest } from '../shared/http.js';
import { thrownText } from '../shared/safe.js';
import { sendOAuthError } from './error-handler.js';

/**
 * Answers a request of which an application's own callback has thrown even what it was told, so that
 * nobody is left who could.
 */
export function giveUp(request: ExpressRequest, thrown: unknown): void {
  process.emitWarning(
    `The callback of passport.authenticate failed: ${thrownText(thrown)}. It has to hand errors to next, or to answer.`,
    'PrivateKeyJwtWarning',
  );
  // Express puts it there.
  const { res: response } = request as { readonly res?: ServerResponse };
  if (response === undefined || response.headersSent) return;
  const error = new OAuthError('server_error', 'The server could not answer the request.', 500);
  sendOAuthError(error, request, response);
}
