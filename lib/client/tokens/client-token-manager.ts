import { createHash } from 'node:crypto';
import { type Configuration, clientCredentialsGrant, type DPoPHandle } from 'openid-client';
import { isThenable } from '../../shared/deadline.js';
import {
  type ArgumentTable,
  type OptionTable,
  type Reader,
  readOptions,
  text,
  texts,
  unchecked,
} from '../../shared/options.js';
import { checkAuthentication } from '../assertion-source.js';
import { publish } from '../events.js';
import { locked, SingleFlight, type TokenLock } from './lock.js';
import { call, clientEvent } from './provider.js';
import { TOKEN_MANAGER_OPTIONS, type TokenManagerOptions, tokenFetch } from './token-fetch.js';
import {
  answeredTokens,
  isUsable,
  MemoryTokenStore,
  storedTokens,
  type TokenSet,
  type TokenStore,
} from './token-store.js';

/** Options of a `ClientTokenManager`. Times are in seconds. */
export interface ClientTokenManagerOptions extends TokenManagerOptions {
  /** Binds the tokens to a key (RFC 9449). */
  readonly DPoP?: DPoPHandle | undefined;
}

const OPTIONS = {
  ...TOKEN_MANAGER_OPTIONS,
  DPoP: unchecked<DPoPHandle | undefined>(),
} satisfies OptionTable<ClientTokenManagerOptions>;

/** Selects a token. Each combination has its own token. */
export interface ClientTokenRequest {
  /** The `scope` parameter, as text or as a list. */
  readonly scope?: string | readonly string[] | undefined;
  /** The `resource` parameter (RFC 8707). */
  readonly resource?: string | readonly string[] | undefined;
  /** The `audience` parameter, which some servers use instead of `resource`. */
  readonly audience?: string | undefined;
}

const words: Reader<readonly string[]> = (name, value = []) =>
  (typeof value === 'string'
    ? value.split(' ').filter((each) => each !== '')
    : [...texts()(name, value)]
  ).sort();

const REQUEST = {
  scope: words,
  resource: words,
  audience: text(undefined),
} satisfies ArgumentTable<ClientTokenRequest>;

function parametersOf(request: ClientTokenRequest): URLSearchParams {
  const { scope, resource, audience } = readOptions('A token request', request, REQUEST);
  const parameters = new URLSearchParams();
  if (scope.length > 0) parameters.set('scope', scope.join(' '));
  for (const each of resource) parameters.append('resource', each);
  if (audience !== undefined) parameters.set('audience', audience);
  return parameters;
}

interface Wanted {
  readonly parameters: URLSearchParams;
  readonly key: string;
}

const MAX_WANTED = 1000;

function simpleName(request: ClientTokenRequest): string | undefined {
  let name = '';
  for (const member in request) {
    const value = request[member as keyof ClientTokenRequest];
    if (!Object.hasOwn(REQUEST, member) || typeof value !== 'string') return undefined;
    name += `${member.length}:${member}${value.length}:${value}`;
  }
  return name;
}

/**
 * Requests tokens for the client itself (client credentials, RFC 6749 §4.4) and keeps them until
 * shortly before they expire. At most one token request runs for each scope, resource and audience,
 * with a new assertion; if the network fails before an answer, it is repeated once. Create one
 * manager for the whole application: two managers share no tokens in memory.
 * @example
 * ```ts
 * const tokens = new ClientTokenManager({ config });
 * const callApi = tokens.fetch('https://api.example/v1/', { scope: 'orders' });
 * const response = await callApi('orders/1');
 * ```
 */
export class ClientTokenManager {
  readonly #config: Configuration;
  readonly #store: TokenStore;
  readonly #renewBefore: number;
  readonly #DPoP: DPoPHandle | undefined;
  readonly #lock: TokenLock | undefined;
  readonly #flights = new SingleFlight<TokenSet>();
  readonly #wanted = new Map<string, Wanted>();

  /** @throws {TypeError} if an option is wrong, or the provider's metadata rules out the key */
  constructor(options: ClientTokenManagerOptions) {
    const settings = readOptions('ClientTokenManager', options, OPTIONS);
    this.#config = settings.config;
    checkAuthentication(settings.config, ['token_endpoint']);
    this.#store = settings.store ?? new MemoryTokenStore();
    this.#renewBefore = settings.renewBefore;
    this.#DPoP = settings.DPoP;
    this.#lock = settings.lock;
  }

  /**
   * Returns a usable token.
   * @param refused an access token that an API has refused; it is not returned again
   * @throws {TypeError} if the request has an unknown member
   * @throws the errors of `callProvider`, the store and the lock
   */
  async getToken(request: ClientTokenRequest = {}, refused?: string): Promise<TokenSet> {
    const name = simpleName(request);
    const before = name === undefined ? undefined : this.#wanted.get(name);
    const { key, parameters } = before ?? (await this.#want(request, name));
    const kept = this.#store.get(key);
    const known = storedTokens(isThenable(kept) ? await kept : kept);
    if (known !== undefined && isUsable(known, Date.now() / 1000, refused)) return known;
    return this.#flights.run(key, () =>
      locked(this.#lock, key, () => this.#request(key, parameters, refused)),
    );
  }

  /**
   * A `fetch` for one API. It adds the token, and retries with a new token after a 401. If a signal
   * aborts, the request to the API is closed too.
   * @param baseUrl of the API, with a slash at its end; or the exact URL that gets the token, such
   *   as an MCP endpoint. The token is sent nowhere else
   * @throws {TypeError} if `baseUrl` is invalid, or the request has an unknown member
   */
  fetch(
    baseUrl: string | URL,
    request: ClientTokenRequest = {},
  ): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
    parametersOf(request);
    return tokenFetch({
      config: this.#config,
      baseUrl,
      DPoP: () => this.#DPoP,
      getToken: (refused) => this.getToken(request, refused),
    });
  }

  async #want(request: ClientTokenRequest, name: string | undefined): Promise<Wanted> {
    const parameters = parametersOf(request);
    const wanted = { parameters, key: await this.#keyOf(parameters) };
    if (name !== undefined && this.#wanted.size < MAX_WANTED) this.#wanted.set(name, wanted);
    return wanted;
  }

  async #request(key: string, parameters: URLSearchParams, refused?: string): Promise<TokenSet> {
    const known = storedTokens(await this.#store.get(key));
    if (known !== undefined && isUsable(known, Date.now() / 1000, refused)) return known;
    const response = await call(
      this.#config,
      () => clientCredentialsGrant(this.#config, parameters, this.#DPoP && { DPoP: this.#DPoP }),
      { repeatable: 'unanswered' },
    );
    const now = Date.now() / 1000;
    const tokens = answeredTokens(response, now, this.#renewBefore);
    publish(() => clientEvent(this.#config, 'token_obtained'));
    // If another process was faster, its token is equally good.
    await this.#store.replace(key, known, tokens, Math.ceil(tokens.expiresAt - now));
    return tokens;
  }

  /** Hides the token. Covers all that the answer depends on, because clients may share a store. */
  async #keyOf(parameters: URLSearchParams): Promise<string> {
    const { issuer, token_endpoint } = this.#config.serverMetadata();
    const { client_id } = this.#config.clientMetadata();
    const thumbprint = await this.#DPoP?.calculateThumbprint();
    const named = JSON.stringify([
      issuer,
      token_endpoint,
      client_id,
      thumbprint,
      parameters.toString(),
    ]);
    return `client-token:${createHash('sha256').update(named).digest('base64url')}`;
  }
}
