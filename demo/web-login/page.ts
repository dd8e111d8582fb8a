import { type Html, html, htmlDocument, type NavigationLink } from '../shared/html.js';
import { FORM_TOKEN } from './form-token.js';
import type { User } from './user.js';

/** The pages, each with a line of links to the rest of the demo. */
export class Pages {
  readonly #links: readonly NavigationLink[];

  constructor(links: readonly NavigationLink[]) {
    this.#links = links;
  }

  /** The page of somebody who is not logged in. */
  welcome(message: string | undefined): string {
    return this.#page(
      'Web login',
      html`${notice(message)}
<p>You are not logged in.</p>
<p><a class="button" href="login">Log in</a></p>`,
    );
  }

  /** The page of a user: the claims of the ID token, and what can be done with the tokens. */
  user(
    { claims, expiresAt, refreshToken }: User,
    formToken: string,
    message: string | undefined,
  ): string {
    const rows = Object.entries(claims).map(
      ([name, value]) => html`<tr><th scope="row">${name}</th><td>${text(value)}</td></tr>\n`,
    );
    const until = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString()}`;
    return this.#page(
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

  /** The page of a request that failed; the reason is in the log. */
  error(message: string): string {
    return this.#page(
      'Something went wrong',
      html`<p>${message}</p>\n<p><a href="./">Back</a></p>`,
    );
  }

  #page(title: string, body: Html): string {
    return htmlDocument({ title, body, links: this.#links });
  }
}

const notice = (message: string | undefined): Html | string =>
  message === undefined ? '' : html`<p role="alert">${message}</p>`;

const button = (action: string, label: string, formToken: string): Html =>
  html`<form class="inline" method="post" action="${action}">
<input type="hidden" name="${FORM_TOKEN}" value="${formToken}">
<button>${label}</button>
</form>`;

const text = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
