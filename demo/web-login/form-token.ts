import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';

declare module 'express-session' {
  interface SessionData {
    /** Proves that a form comes from a page of this session. */
    formToken: string;
    /** What the next page tells the user; Passport's failureMessage adds to it. */
    messages: string[];
    /** Passport's own: who is logged in. */
    passport: { readonly user?: unknown };
  }
}

/** The name of the form field that holds the token. */
export const FORM_TOKEN = 'form_token';

/** The token for the forms of a session. */
export function formTokenOf({ session }: Request): string {
  session.formToken ??= randomBytes(32).toString('base64url');
  return session.formToken;
}

/** Refuses a form that does not come from a page of the same session (CSRF). */
export const requireFormToken: RequestHandler = (request, response, next) => {
  const sent = Buffer.from(String(request.body?.[FORM_TOKEN] ?? ''));
  const expected = Buffer.from(request.session.formToken ?? '');
  const isOwn = expected.length > 0 && sent.length === expected.length;
  if (isOwn && timingSafeEqual(sent, expected)) next();
  else
    response.status(403).type('text').send('This form has expired. Go back and reload the page.');
};
