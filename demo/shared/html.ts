import { createHash } from 'node:crypto';

/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

type Part = Html | string | readonly Html[];

function render(value: Part): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '');
  return value.map(({ text }) => text).join('');
}

/** A template of HTML that escapes every text put into it. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(render)));
}

/** The colours of every page of the demo. */
export const COLOURS = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2430, #e3e8ef);
  --quiet: light-dark(#566173, #9fabbc);
  --line: light-dark(#d5dbe4, #38424f);
  --surface: light-dark(#ffffff, #1a212b);
  --ground: light-dark(#f4f6f9, #11161d);
  --accent: light-dark(#0b57a4, #8ab8f2);
  --on-accent: light-dark(#ffffff, #11161d);
  --good: light-dark(#14693a, #6fd096);
  --bad: light-dark(#b3201c, #ff9a92);
  --bad-ground: light-dark(#fdeeed, #3a1d1e);
  color: var(--text);
  background: var(--ground);
  font: 1rem / 1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 0.75rem 0; font-size: 0.9375rem; }
nav [aria-current] { color: inherit; font-weight: 600; text-decoration: none; }
`;

const STYLE = `${COLOURS}
body { max-width: 40rem; margin: 0 auto; padding: 0 1rem 3rem; }
main { background: var(--surface); border: 1px solid var(--line); border-radius: 0.5rem;
  padding: 1.25rem clamp(1rem, 4vw, 2rem) 1.5rem; margin-top: 4vh; }
h1 { font-size: 1.5rem; margin: 0 0 0.75rem; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; }
input { display: block; width: 100%; max-width: 20rem; margin: 0.25rem 0 1rem; }
input, button, .button { font: inherit; padding: 0.5rem 1rem; border-radius: 0.25rem;
  border: 1px solid var(--quiet); background: var(--surface); color: inherit; }
button, .button { display: inline-block; text-decoration: none; cursor: pointer; margin: 0.25rem 0.5rem 0.25rem 0; }
button:first-of-type, .button { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
form.inline { display: inline; }
form.inline + form.inline button { background: var(--surface); border-color: var(--quiet); color: inherit; }
.note { border-left: 0.25rem solid var(--line); padding-left: 0.75rem; color: var(--quiet); }
[role="alert"] { color: var(--bad); font-weight: 600; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; font-size: 0.9375rem; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.25rem; }
th, td { text-align: left; vertical-align: baseline; border-top: 1px solid var(--line); padding: 0.25rem 1rem 0.25rem 0; }
th { font-weight: 500; white-space: nowrap; }
td { overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; }
`;

/** What allows the style of `htmlDocument` in a Content-Security-Policy. */
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** A link of the line at the top of a page; the page itself has no address. */
export interface NavigationLink {
  readonly name: string;
  readonly href?: string | undefined;
}

/** The line at the top of every page, by which the pages of the demo lead to each other. */
export function navigation(links: readonly NavigationLink[]): Html | string {
  if (links.length === 0) return '';
  const items = links.map(({ name, href }) =>
    href === undefined
      ? html`<a aria-current="page">${name}</a>\n`
      : html`<a href="${href}">${name}</a>\n`,
  );
  return html`<nav aria-label="Demo">
${items}</nav>`;
}

/** A whole page. */
export function htmlDocument(content: {
  readonly title: string;
  readonly body: Html;
  readonly links?: readonly NavigationLink[];
  /** An address that the page goes on to by itself. */
  readonly refresh?: string | undefined;
  /** A script, which goes in as it is. */
  readonly script?: string | undefined;
}): string {
  const { title, body, links = [], refresh, script } = content;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${refresh === undefined ? '' : html`<meta http-equiv="refresh" content="0;url=${refresh}">`}
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
${navigation(links)}
<main>
<h1>${title}</h1>
${body}
</main>
${script === undefined ? '' : html`<script>${new Html(script)}</script>`}
</body>
</html>
`.text;
}
