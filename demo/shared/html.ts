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

function render(value: Html | string | readonly Html[]): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '');
  return value.map(({ text }) => text).join('');
}

/** A template of HTML that escapes every text put into it. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (Html | string | readonly Html[])[]
): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(render)));
}

/** A whole page. The style is the application's own and goes in as it is. */
export function htmlDocument(title: string, style: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}
