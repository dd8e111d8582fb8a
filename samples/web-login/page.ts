import { createHash } from 'node:crypto';

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

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '');

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;

const button = (action: string, label: string): string =>
  `<form method="post" action="${action}"><button>${label}</button></form>`;

/** The page of somebody who is not logged in. */
export const welcomePage = (): string =>
  page(
    'Web login',
    '<p>You are not logged in.</p>\n<p><a class="button" href="/login">Log in</a></p>',
  );

/** The page of a user: the claims of the ID token, and what can be done with the tokens. */
export function userPage(
  claims: Readonly<Record<string, unknown>>,
  { expiresAt, refreshable }: { readonly expiresAt?: Date; readonly refreshable: boolean },
): string {
  const rows = Object.entries(claims).map(
    ([name, value]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`,
  );
  const until = expiresAt === undefined ? '' : ` until ${escapeHtml(expiresAt.toISOString())}`;
  return page(
    `Hello, ${String(claims['name'] ?? claims['sub'])}`,
    `<table>
<caption>The claims of your ID token</caption>
<tbody>
${rows.join('\n')}
</tbody>
</table>
<p>The access token is valid${until}.</p>
<p>${refreshable ? button('/refresh', 'Refresh') : ''}${button('/logout', 'Log out')}</p>`,
  );
}

/** The page of a login or request that failed. */
export const errorPage = (message: string): string =>
  page('That did not work', `<p>${escapeHtml(message)}</p>\n<p><a href="/">Back</a></p>`);
