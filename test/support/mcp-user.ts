/** A browser with cookies, and a user who allows what is asked. */
export async function allow(authorizationUrl: URL): Promise<URL> {
  let cookie = '';
  const call = async (url: URL, init: RequestInit = {}) => {
    const headers = { ...init.headers, ...(cookie && { cookie }) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
    return response;
  };
  const asked = await call(authorizationUrl);
  const location = asked.headers.get('location');
  if (location !== null) return new URL(location);
  const page = await asked.text();
  const fields = [...page.matchAll(/<input[^>]* name="([^"]+)" value="([^"]*)"/g)];
  const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
  if (action === undefined) throw new Error(`No form: ${asked.status} ${page}`);
  const answered = await call(new URL(action, authorizationUrl), {
    method: 'POST',
    body: new URLSearchParams(
      fields.map(([, name = '', value = '']): [string, string] => [name, value]),
    ),
  });
  return new URL(answered.headers.get('location') ?? '');
}

/** What an `OAuthClientProvider` of either SDK keeps. */
interface Kept {
  readonly client_id: string;
}

/** An `OAuthClientProvider` of either SDK, for a client that has its id already and sends a user. */
export class UserClient<AddClientAuthentication> {
  readonly redirectUrl: string;
  readonly clientMetadata: { redirect_uris: string[]; scope: string };
  readonly #information: Kept & { readonly client_secret?: string };
  readonly addClientAuthentication?: AddClientAuthentication;
  #tokens: { access_token: string; token_type: string; refresh_token?: string } | undefined;
  #verifier = '';
  /** Where the user came back to. */
  answer: URL | undefined;

  constructor(
    information: Kept & { readonly client_secret?: string },
    redirectUrl: string,
    addClientAuthentication?: AddClientAuthentication,
  ) {
    this.#information = information;
    this.redirectUrl = redirectUrl;
    this.clientMetadata = { redirect_uris: [redirectUrl], scope: 'tools' };
    if (addClientAuthentication !== undefined) {
      this.addClientAuthentication = addClientAuthentication;
    }
  }

  clientInformation() {
    return this.#information;
  }
  tokens() {
    return this.#tokens;
  }
  saveTokens(tokens: { access_token: string; token_type: string; refresh_token?: string }) {
    this.#tokens = tokens;
  }
  async redirectToAuthorization(url: URL) {
    this.answer = await allow(url);
  }
  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier;
  }
  codeVerifier() {
    return this.#verifier;
  }
}
