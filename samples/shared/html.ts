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
