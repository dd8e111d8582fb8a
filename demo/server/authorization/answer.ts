import type { Response } from 'express';
import { answerPage, formPostPage } from '../pages/answer-pages.js';

declare global {
  namespace Express {
    interface Locals {
      /** Where the answer sends the browser, whether by a redirect or by a page. */
      goesTo?: URL;
    }
  }
}

/** How the answer to an authorization request comes to the client. */
export const RESPONSE_MODES = ['query', 'form_post'] as const;

export type ResponseMode = (typeof RESPONSE_MODES)[number];

/** Where the answer to an authorization request is sent, errors included. */
export interface AnswerTo {
  readonly redirectUri: string;
  readonly state: string | undefined;
  readonly responseMode: ResponseMode;
}

/**
 * Sends the browser back to the client with an answer (RFC 6749 §4.1.2) and the issuer, so that the
 * client knows which server answers (RFC 9207).
 *
 * After a form of ours the answer is a page that goes on: browsers hold a redirect after a form, and
 * every redirect after that, to the `form-action` of the page with the form. An application that
 * redirects to another origin would leave the user on that page, without a message.
 */
export function answerClient(
  response: Response,
  { redirectUri, responseMode }: Omit<AnswerTo, 'state'>,
  issuer: string,
  answer: Readonly<Record<string, unknown>>,
): void {
  const parameters = Object.entries({ ...answer, iss: issuer }).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const url = new URL(redirectUri);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  response.locals.goesTo = url;
  if (responseMode === 'form_post') {
    formPostPage(response, redirectUri, parameters);
    return;
  }
  if (response.req.method === 'POST') {
    answerPage(response, url);
    return;
  }
  // 303, so that no form is ever sent on (RFC 9700 §4.12).
  response.set('Cache-Control', 'no-store').redirect(303, url.href);
}
