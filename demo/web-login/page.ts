import { createHash } from 'node:crypto';
import { type Html, html, htmlDocument } from '../shared/html.js';
import { FORM_TOKEN } from './form-token.js';
import type { User } from './user.js';

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 10vh auto; padding: 0 1rem; }
th { text-align: left; padding-right: 1rem; vertical-align: top; }
td { overflow-wrap: anywhere; }
form { display: inline; }
button, .button { font: inherit; padding: 0.4rem 0.8rem; margin: 0.5rem 0.5rem 0.5rem 0; }
`;

/** What allows the style of the pages in a Content-Security-Policy. */
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

const page = (title: string, body: Html): string => htmlDocument(title, STYLE, body);

const notice = (message: string | undefined): Html | string =>
  message === undefined ? '' : html`<p role="alert">${message}</p>`;

/** The page of somebody who is not logged in. */
export const welcomePage = (message: string | undefined): string =>
  page(
    'Web login',
    html`${notice(message)}
<p>You are not logged in.</p>
<p><a class="button" href="login">Log in</a></p>`,
  );

const button = (action: string, label: string, formToken: string): Html =>
  html`<form method="post" action="${action}">
<input type="hidden" name="${FORM_TOKEN}" value="${formToken}">
<button>${label}</button>
</form>`;

const text = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** The page of a user: the claims of the ID token, and what can be done with the tokens. */
export function userPage(
  { claims, expiresAt, refreshToken }: User,
  formToken: string,
  message: string | undefined,
): string {
  const rows = Object.entries(claims).map(
    ([name, value]) => html`<tr><th scope="row">${name}</th><td>${text(value)}</td></tr>\n`,
  );
  const until = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString()}`;
  return page(
    `Hello, ${text(claims['name'] ?? claims['sub'] ?? 'you')}`,
    html`${notice(message)}
<table>
<caption>The claims of your ID token</caption>
<tbody>
${rows}</tbody>
</table>
<p>The access token is valid${until}.</p>
${refreshToken === undefined ? '' : button('refresh', 'Refresh', formToken)}
${button('logout', 'Log out', formToken)}`,
  );
}

/** The page of a request that failed; why is in the log. */
export const errorPage = (message: string): string =>
  page('That did not work', html`<p>${message}</p>\n<p><a href="./">Back</a></p>`);
