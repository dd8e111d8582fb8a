import {
  type ClientAuth,
  type Configuration,
  type CustomFetch,
  clientCredentialsGrant,
  clockSkew,
  customFetch,
  type ServerMetadata,
} from 'openid-client';
import { decodeCompactJws, methodOf } from '../keys/compact-jws.js';
import { ConfigurationError } from '../shared/errors.js';
import { CLIENT_ASSERTION_TYPE } from '../shared/jose.js';
import { type Reader, readOptions } from '../shared/options.js';
import {
  type Audience,
  type AuthorizationRequestParameters,
  type AuthorizationServer,
  CLIENT_OPTIONS,
} from './jwt.js';

/** Describes the use of one JWT; overrides the options of the service. */
export interface JwtContext {
  readonly audience?: Audience | undefined;
  /** The server that receives the JWT. */
  readonly server?: AuthorizationServer | undefined;
  /** In seconds, added to this machine's clock to correct it; at most a day. Default 0. */
  readonly clockOffset?: number | undefined;
}

/** The source of a client's assertions: an `AssertionService`, or the result of `assertionFrom`. */
export interface AssertionSource {
  readonly clientId: string;
  /** The server that the assertions are for; undefined for any server. */
  readonly issuer?: string | undefined;
  readonly key?: { readonly alg: string | undefined };
  /** For one request (RFC 7523 §3). */
  createClientToken(context?: JwtContext): Promise<string>;
}

/** A source that can also sign authorize requests. */
export interface RequestSigner extends AssertionSource {
  signAuthorizationRequest(
    parameters: AuthorizationRequestParameters,
    context?: JwtContext,
  ): Promise<string>;
}

const isAssertionSource = (value: unknown): value is AssertionSource => {
  const { clientId, createClientToken } = (value ?? {}) as Partial<AssertionSource>;
  return typeof clientId === 'string' && typeof createClientToken === 'function';
};

export const assertionSource: Reader<AssertionSource | undefined> = (name, value) => {
  if (value === undefined || isAssertionSource(value)) return value;
  throw new TypeError(`${name} must be an AssertionService, or the result of assertionFrom`);
};

/** Only a client with a key of its own can sign them. */
export function requestSigner(assertions: AssertionSource | undefined): RequestSigner {
  const { signAuthorizationRequest } = (assertions ?? {}) as Partial<RequestSigner>;
  if (typeof signAuthorizationRequest === 'function') return assertions as RequestSigner;
  throw new TypeError(
    assertions === undefined
      ? 'Signed authorize requests need the AssertionService as assertions'
      : 'Signed authorize requests need a key of the client, and assertionFrom has none: its platform signs only assertions. Set signedAuthorizeRequests: false, or use an AssertionService with a key.',
  );
}

/** Servers refuse longer assertions. */
const MAX_ASSERTION_LENGTH = 16_384;

const seconds = (count: number): string => `${count} second${count === 1 ? '' : 's'}`;

function nameOf(thrown: unknown): string {
  const { name, code, path } = (thrown ?? {}) as Record<'name' | 'code' | 'path', unknown>;
  return [code ?? name ?? typeof thrown, path].filter((part) => typeof part === 'string').join(' ');
}

function mistakeIn(value: unknown, now: number): string | undefined {
  if (value instanceof Uint8Array) {
    return "the function returned bytes: return text, as readFile(path, 'utf8') does";
  }
  if (typeof value !== 'string') {
    return `the function returned ${value === null ? 'null' : typeof value}: return the text of a JWT`;
  }
  const assertion = value.trim();
  if (assertion === '') return 'it is empty: has the platform written its token yet?';
  if (assertion.length > MAX_ASSERTION_LENGTH) {
    return `it has ${assertion.length} characters, and servers accept at most ${MAX_ASSERTION_LENGTH}: is it the right file?`;
  }
  const jws = decodeCompactJws(assertion);
  if (jws === undefined) {
    return /^[[{"]/.test(assertion)
      ? 'it is JSON, not a JWT: return only the member that has the token'
      : 'it is not a JWT: return three base64url parts with dots between them, and nothing else';
  }
  const exp = jws.claims['exp'] as number;
  if (!Number.isFinite(exp)) {
    return 'it has no exp, which servers ask for (RFC 7523 §3)';
  }
  if (exp > now) return undefined;
  return `it expired ${seconds(Math.round(now - exp))} ago: does the platform still renew it, and is the clock right?`;
}

class ForeignAssertions implements AssertionSource {
  readonly clientId: string;
  readonly #ask: () => unknown;

  constructor(ask: () => unknown, clientId: string) {
    this.clientId = clientId;
    this.#ask = ask;
  }

  async createClientToken({ clockOffset = 0 }: JwtContext = {}): Promise<string> {
    const value = await this.#given();
    const mistake = mistakeIn(value, Date.now() / 1000 + clockOffset);
    if (mistake === undefined) return (value as string).trim();
    throw new ConfigurationError(`The assertion of ${this.clientId} cannot be used: ${mistake}.`);
  }

  async #given(): Promise<unknown> {
    try {
      return await this.#ask();
    } catch (error) {
      const hint =
        (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
          ? ': is the token mounted where the platform says?'
          : '.';
      throw new ConfigurationError(
        `The assertion of ${this.clientId} could not be read (${nameOf(error)})${hint}`,
        { cause: error },
      );
    }
  }
}

/**
 * Authenticates a client by a token from its platform, so that you store no key: a Kubernetes
 * service account, a GitHub Actions job, an Azure workload (RFC 7523 §3). Use it wherever an
 * `AssertionService` fits, except for signed authorize requests, which need a client key.
 * @param ask called for each request, so that the platform can renew the token
 * @param options `clientId`: the client at the authorization server
 * @returns a source. Its `createClientToken` rejects with a `ConfigurationError` if the function
 *   fails, or returns anything but an unexpired JWT of at most 16 KiB. The message never contains
 *   the token
 * @throws {TypeError} if the function or the client id is missing
 * @example
 * ```ts
 * const assertions = assertionFrom(() => readFile(tokenFile, 'utf8'), { clientId: 'orders' });
 * const config = await discovery(new URL(issuer), 'orders', undefined, clientAssertion(assertions));
 * ```
 */
export function assertionFrom(
  ask: () => string | Promise<string>,
  options: { readonly clientId: string },
): {
  readonly clientId: string;
  /** Returns the assertion for one request. */
  createClientToken(): Promise<string>;
} {
  if (typeof ask !== 'function') {
    throw new TypeError(
      'assertionFrom needs a function that returns the assertion: it is called for each request',
    );
  }
  return new ForeignAssertions(ask, readOptions('assertionFrom', options, CLIENT_OPTIONS).clientId);
}

const sources = new WeakMap<URLSearchParams, AssertionSource>();

export const sourceOf = (parameters: URLSearchParams): AssertionSource | undefined =>
  sources.get(parameters);

/** Set while `assertionsOf` runs, which is synchronous. */
let asked: ((source: AssertionSource) => void) | undefined;

/** openid-client keeps it private; undefined unless `clientAssertion` made it. Sends nothing. */
function assertionsOf(config: Configuration): AssertionSource | undefined {
  let found: AssertionSource | undefined;
  const send = config[customFetch];
  asked = (source) => {
    found = source;
  };
  config[customFetch] = () => Promise.reject(new Error('This was a question and no request.'));
  clientCredentialsGrant(config).catch(() => undefined);
  config[customFetch] = send as CustomFetch;
  asked = undefined;
  return found;
}

/** RFC 7591 §2. */
const ASSERTION_METHODS: readonly unknown[] = [undefined, 'private_key_jwt', 'client_secret_jwt'];

export const expectsAssertion = (config: Configuration): boolean =>
  ASSERTION_METHODS.includes(config.clientMetadata()['token_endpoint_auth_method']);

/** Null and an empty list say nothing (RFC 8414 §3.2), like a member that is missing. */
export function metadataOf(config: Configuration, member: string): unknown {
  const value: unknown = config.serverMetadata()[member as keyof ServerMetadata];
  return value === null || (Array.isArray(value) && value.length === 0) ? undefined : value;
}

/** RFC 8414 §2. A missing list rules out nothing. */
export function heedList(
  config: Configuration,
  member: string,
  value: string | undefined,
  advice: string,
): void {
  const list = metadataOf(config, member);
  if (value === undefined || !Array.isArray(list) || list.includes(value)) return;
  throw new TypeError(
    `The metadata of ${config.serverMetadata().issuer} rules this out with ${member} ${JSON.stringify(list)}: ${advice}`,
  );
}

/** Grants are not checked, because not every server lists all of them. */
export function checkAuthentication(
  config: Configuration,
  endpoints: readonly ('token_endpoint' | 'revocation_endpoint')[],
  assertions: AssertionSource | undefined = assertionsOf(config),
): void {
  if (assertions === undefined || !expectsAssertion(config)) return;
  const alg = assertions.key?.alg;
  const method = methodOf(alg);
  for (const endpoint of endpoints) {
    if (metadataOf(config, endpoint) === undefined && endpoint !== 'token_endpoint') continue;
    const listed = `; if the ${endpoint} accepts them anyway, remove this member from the metadata`;
    heedList(
      config,
      `${endpoint}_auth_methods_supported`,
      method,
      `the assertions are ${method}${listed}`,
    );
    heedList(
      config,
      `${endpoint}_auth_signing_alg_values_supported`,
      alg,
      `the key signs with ${alg}, so use another key or alg${listed}`,
    );
  }
}

/**
 * The client authentication of an openid-client `Configuration`: every request that authenticates
 * the client carries a new assertion. This covers code redemption, refresh, client credentials,
 * token exchange, PAR, revocation, introspection, device authorization, CIBA and repeated requests.
 * @throws {TypeError} if the argument is not a source of assertions; on use, if the configuration
 *   names another client or server
 * @example
 * ```ts
 * const config = await discovery(
 *   new URL('https://as.example'), 'mvc.jar.jwt', undefined, clientAssertion(assertions),
 * );
 * ```
 */
export function clientAssertion(assertions: AssertionSource): ClientAuth {
  if (!isAssertionSource(assertions)) {
    throw new TypeError(
      'clientAssertion needs an AssertionService, or the result of assertionFrom',
    );
  }
  return async (server, client, body) => {
    if (asked !== undefined) {
      asked(assertions);
      throw new Error('This was a question and no request.');
    }
    if (client.client_id !== assertions.clientId) {
      throw new TypeError(
        `The assertions are for the client ${assertions.clientId}, the configuration for ${client.client_id}`,
      );
    }
    const clockOffset = client[clockSkew];
    const assertion = await assertions.createClientToken({ server, clockOffset });
    body.set('client_id', client.client_id);
    body.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
    body.set('client_assertion', assertion);
    sources.set(body, assertions);
  };
}
