interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

/** A page that a browser has come to. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** A browser as far as logins need one: it keeps cookies, follows redirects and sends forms. */
export interface Browser {
  /** Opens a URL and follows its redirects. */
  open(url: string | URL): Promise<Page>;
  /** Follows redirects until one leads to a URL that starts with `prefix`, which is not opened. */
  openUntil(url: string | URL, prefix: string): Promise<URL>;
  /** Sends a form and follows the redirects. */
  submit(url: string | URL, form: Record<string, string>): Promise<Page>;
  /** Sets a cookie for every path, as somebody else may have done. */
  plant(name: string, value: string): void;
  /** The value of a cookie of this name. */
  cookie(name: string): string | undefined;
}

const MAX_REDIRECTS = 20;

function parseCookie(line: string, url: URL): Cookie | undefined {
  const [pair = '', ...attributes] = line.split(/;\s*/);
  const attribute = (name: string) =>
    attributes.find((each) => each.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
  const separator = pair.indexOf('=');
  const expires = attribute('expires');
  const value = pair.slice(separator + 1);
  return {
    name: pair.slice(0, separator),
    value: expires !== undefined && Date.parse(expires) < Date.now() ? '' : value,
    path: attribute('path') ?? new URL('.', url).pathname,
  };
}

/** Where a page goes on to by itself. */
function refreshOf(body: string): string | undefined {
  const target = /<meta http-equiv="refresh" content="0;url=([^"]*)">/.exec(body)?.[1];
  return target?.replaceAll('&amp;', '&');
}

/**
 * A new browser without cookies. Like any, it sends the cookies of a host to each of its ports.
 *
 * @param isForeign tells the URLs that it does not open: the redirect to one is a page without body
 */
export function newBrowser(
  headers: Record<string, string> = {},
  isForeign: (url: URL) => boolean = () => false,
): Browser {
  const cookies = new Map<string, Cookie>();

  async function request(url: URL, form?: Record<string, string>): Promise<Response> {
    const sent = [...cookies.values()].filter(({ path }) => url.pathname.startsWith(path));
    const cookie = sent.map(({ name, value }) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', ...headers, ...(cookie !== '' && { cookie }) },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const cookie = parseCookie(line, url);
      if (cookie === undefined) continue;
      const id = `${cookie.name} ${cookie.path}`;
      if (cookie.value === '') cookies.delete(id);
      else cookies.set(id, cookie);
    }
    return response;
  }

  async function follow(
    start: string | URL,
    form: Record<string, string> | undefined,
    isEnd: (url: URL) => boolean,
  ): Promise<Page> {
    let url = new URL(start);
    let body = form;
    for (let redirects = 0; redirects < MAX_REDIRECTS; redirects += 1) {
      const response = await request(url, body);
      body = undefined;
      const { status, headers } = response;
      const text = await response.text();
      const location = headers.get('location') ?? refreshOf(text);
      if (location === undefined) return { url, status, body: text, headers };
      url = new URL(location, url);
      if (isEnd(url)) return { url, status, body: '', headers };
    }
    throw new Error(`More than ${MAX_REDIRECTS} redirects, the last to ${url.href}`);
  }

  return {
    open: (url) => follow(url, undefined, isForeign),
    submit: (url, form) => follow(url, form, isForeign),
    async openUntil(url, prefix) {
      const end = await follow(url, undefined, ({ href }) => href.startsWith(prefix));
      if (end.url.href.startsWith(prefix)) return end.url;
      throw new Error(`No redirect to ${prefix}: ${end.status} at ${end.url.href}: ${end.body}`);
    },
    plant: (name, value) => cookies.set(`${name} /`, { name, value, path: '/' }),
    cookie: (name) => [...cookies.values()].find((cookie) => cookie.name === name)?.value,
  };
}
