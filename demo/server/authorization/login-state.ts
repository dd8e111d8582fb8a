import type { SessionData } from 'express-session';
import type { Login } from '../sessions/session.js';
import type { AuthorizationRequest } from './authorization-request.js';

/**
 * Whether the user has to log in for a request: no user is logged in, the client asks for a login,
 * or the login is too old (OpenID Connect Core §3.1.2.1).
 */
export function needsLogin(login: Login | undefined, request: AuthorizationRequest): boolean {
  if (login === undefined) return true;
  const { prompt, maxAge, receivedAt } = request;
  if (login.at >= receivedAt) return false;
  if (prompt.includes('login') || prompt.includes('select_account')) return true;
  return maxAge !== undefined && Date.now() - login.at > maxAge * 1000;
}

/** Whether the user has to be asked: since they did not allow as much, or the client asks for it. */
export function needsConsent(
  { consents = {} }: Partial<SessionData>,
  clientId: string,
  { prompt, scopes }: AuthorizationRequest,
): boolean {
  const allowed = Object.hasOwn(consents, clientId) ? consents[clientId] : undefined;
  if (allowed === undefined || prompt.includes('consent')) return true;
  return !scopes.every((scope) => allowed.includes(scope));
}
