import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { html } from '../../shared/html.js';
import { sendPage } from './page.js';

/** A page that goes on to another address by itself. */
export function answerPage(response: Response, url: URL): void {
  sendPage(response, {
    title: 'Continue',
    body: html`<p>You are being sent back to <strong>${url.host || url.protocol}</strong>.</p>
<p><a class="button" href="${url.href}">Continue</a></p>`,
    refresh: url.href,
  });
}

const SUBMIT = 'document.forms[0].submit();';
const SUBMIT_HASH = `'sha256-${createHash('sha256').update(SUBMIT).digest('base64')}'`;

/**
 * The origin of a redirect URI, and what an application may redirect to after the form: a browser
 * holds these redirects to `form-action` too.
 */
function formTargets(redirectUri: string): readonly string[] {
  const { origin, protocol } = new URL(redirectUri);
  if (origin === 'null') return [protocol];
  return protocol === 'http:' ? [origin, 'http:', 'https:'] : [origin, 'https:'];
}

/** A page that posts the answer to the client (OAuth 2.0 Form Post Response Mode §2). */
export function formPostPage(
  response: Response,
  redirectUri: string,
  parameters: readonly (readonly [string, string])[],
): void {
  const fields = parameters.map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`,
  );
  sendPage(response, {
    title: 'Continue',
    body: html`<form method="post" action="${redirectUri}">
${fields}<p>You are being sent back to <strong>${new URL(redirectUri).host}</strong>.</p>
<button type="submit">Continue</button>
</form>`,
    script: { text: SUBMIT, source: SUBMIT_HASH },
    formAction: formTargets(redirectUri),
  });
}
