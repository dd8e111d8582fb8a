import { timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Session, SessionData } from 'express-session';
import { OAuthError } from 'passport-private-key-jwt';
import { randomToken } from '../random.js';

/** The name of the form field that holds the token. */
export const CSRF_FIELD = 'csrf_token';

/** The token for the forms of a session. */
export function csrfTokenOf(session: Session & Partial<SessionData>): string {
  session.csrfToken ??= randomToken();
  return session.csrfToken;
}

/** Refuses a form that does not come from a page of the same session. */
export const requireCsrfToken: RequestHandler = (request, _response, next) => {
  const expected = Buffer.from(request.session.csrfToken ?? '');
  const sent: unknown = request.body?.[CSRF_FIELD];
  const actual = Buffer.from(typeof sent === 'string' ? sent : '');
  if (
    expected.length > 0 &&
    expected.length === actual.length &&
    timingSafeEqual(expected, actual)
  ) {
    next();
    return;
  }
  throw new OAuthError('invalid_request', 'The form has expired. Go back and start again.', 403);
};
