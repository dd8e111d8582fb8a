import { type Browser, newBrowser, type Page } from './browser.js';

const attribute = (tag: string, name: string): string | undefined =>
  new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];

/** The one form of a page, as it would be sent. */
function formOf({ body, url }: Page): { action: URL; fields: Record<string, string> } {
  const form = /<form\b[^>]*>/.exec(body)?.[0];
  if (form === undefined) throw new Error(`There is no form at ${url.href}: ${body}`);
  const fields = [...body.matchAll(/<input\b[^>]*>/g)].map(([input]) => [
    attribute(input, 'name') ?? '',
    attribute(input, 'value') ?? '',
  ]);
  return {
    action: new URL(attribute(form, 'action') ?? '', url),
    fields: Object.fromEntries(fields),
  };
}

/** Somebody who visits sites and fills in forms. */
export interface Visitor {
  open(url: string | URL): Promise<Page>;
  /** Sends the one form of a page, with some fields filled in. */
  submit(page: Page, filledIn?: Readonly<Record<string, string>>): Promise<Page>;
  /** Sends the form of a page that has this action. */
  press(page: Page, action: string): Promise<Page>;
  cookie: Browser['cookie'];
}

/**
 * A new visitor.
 *
 * @param origin of the one site that is visited: redirects that leave it are not followed. Default:
 *   every redirect is
 */
export function newVisitor(origin?: string): Visitor {
  const browser = newBrowser({}, (url) => origin !== undefined && url.origin !== origin);
  const submit: Visitor['submit'] = (page, filledIn = {}) => {
    const { action, fields } = formOf(page);
    return browser.submit(action, { ...fields, ...filledIn });
  };
  return {
    open: browser.open,
    submit,
    press(page, action) {
      const form = new RegExp(`<form\\b[^>]* action="${action}">.*?</form>`, 's');
      return submit({ ...page, body: form.exec(page.body)?.[0] ?? '' });
    },
    cookie: browser.cookie,
  };
}

/** Logs a user in who allows what is asked for; the URL that the client is called back at. */
export async function logIn(visitor: Visitor, url: string | URL, username = 'alice'): Promise<URL> {
  const consent = await visitor.submit(await visitor.open(url), { username });
  return (await visitor.submit(consent)).url;
}
