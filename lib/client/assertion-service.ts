import type { JsonWebKey } from '../keys/secret.js';
import { CLIENT_AUTHENTICATION_TYP, REQUEST_OBJECT_TYP } from '../shared/jose.js';
import {
  type ArgumentTable,
  isWebUrl,
  type OptionTable,
  type Reader,
  readOptions,
  type Settings,
  seconds,
  unchecked,
} from '../shared/options.js';
import type { AssertionSource, JwtContext } from './assertion-source.js';
import { assertionMade, publish } from './events.js';
import {
  type AuthorizationRequestParameters,
  type AuthorizationServer,
  audience,
  CLIENT_OPTIONS,
  claimsOfAuthorizationRequest,
  headerOf,
  isFixedAudience,
  type JwtOptions,
  type JwtSettings,
  jwtOptions,
  resolveAudience,
  validityClaims,
} from './jwt.js';
import { KEY_DEMANDS, type KeyDemands, keyDemands } from './keys/key-demands.js';
import { KeyRing } from './keys/key-ring.js';
import { KEY_OPTIONS, SigningKey, type SigningKeyInput } from './keys/signing-key.js';

const DAY = 86_400;

/** How request objects are made. They use the key and key header of the assertions. */
interface RequestObjectOptions extends JwtOptions {
  readonly algorithms?: never;
  readonly keyHeader?: never;
}

/**
 * The client, its key, and how to make its assertions. Times are in seconds. `typ` defaults to
 * `client-authentication+jwt` (RFC 10070 §4); servers that know only RFC 7523 may need `'JWT'` or
 * false.
 */
export interface AssertionServiceOptions extends JwtOptions, KeyDemands {
  readonly clientId: string;
  /** The private key: anything that `SigningKey.from` accepts, or a `KeyRing`. */
  readonly key: SigningKeyInput | KeyRing;
  /**
   * The issuer identifier of the server; also `aud`, unless `audience` overrides it. Optional with
   * openid-client. Must equal the issuer that openid-client knows, so that no assertion for one
   * server is sent to another.
   */
  readonly issuer?: string | undefined;
  /** How request objects are made. `typ` defaults to `oauth-authz-req+jwt` (RFC 9101 §10.8). */
  readonly requestObject?: RequestObjectOptions | undefined;
}

const issuer: Reader<string | undefined> = (_name, value) => {
  if (value === undefined || isWebUrl(value)) return value as string | undefined;
  throw new TypeError('issuer must be a URL: the issuer identifier of the server');
};

const REQUEST_OBJECT_HINTS = Object.fromEntries(
  Object.keys(KEY_DEMANDS).map((name) => [name, 'it uses the same key and ignores presets']),
);

const requestObject: Reader<JwtSettings> = (name, value) =>
  readOptions(name, value as object, jwtOptions(REQUEST_OBJECT_TYP), REQUEST_OBJECT_HINTS);

const OPTIONS = {
  ...CLIENT_OPTIONS,
  key: unchecked<SigningKeyInput | KeyRing>(),
  issuer,
  requestObject,
  ...jwtOptions(CLIENT_AUTHENTICATION_TYP),
  ...KEY_DEMANDS,
} satisfies OptionTable<AssertionServiceOptions>;

const KEY_HINTS = Object.fromEntries(
  Object.keys(KEY_OPTIONS).map((name) => [name, `use key: { key, ${name} }`]),
);

const server: Reader<AuthorizationServer | undefined> = (name, value) => {
  const { issuer } = (value ?? {}) as Partial<AuthorizationServer>;
  if (value === undefined || (typeof issuer === 'string' && issuer !== '')) {
    return value as AuthorizationServer | undefined;
  }
  throw new TypeError(`${name} must be the metadata of the server, with its issuer`);
};

const CONTEXT = {
  audience,
  server,
  clockOffset: seconds(0, -DAY, DAY),
} satisfies ArgumentTable<JwtContext>;

function keyOf(key: SigningKeyInput | KeyRing, demands: KeyDemands): SigningKey | KeyRing {
  if (!(key instanceof KeyRing)) return SigningKey.from(key, demands);
  key._checkDemands(demands);
  return key;
}

/**
 * Makes the JWTs that a client authenticates with: client assertions and signed authorize requests.
 * Each is valid for one use.
 * @example
 * ```ts
 * const assertions = new AssertionService({
 *   clientId: 'mvc.jar.jwt',
 *   key: await readFile('client.pem'),
 *   issuer: 'https://as.example',
 * });
 * const client_assertion = await assertions.createClientToken();
 * ```
 */
export class AssertionService implements AssertionSource {
  readonly clientId: string;
  readonly key: SigningKey | KeyRing;
  /** The issuer identifier of the server, if the options set it. */
  readonly issuer: string | undefined;
  readonly #demands: KeyDemands;
  /** The only issuer that a fixed audience may be sent to. */
  #boundTo: string | undefined;
  readonly #settings: Settings<typeof OPTIONS>;
  readonly #assertionHeader: Readonly<Record<string, unknown>>;
  readonly #requestObjectHeader: Readonly<Record<string, unknown>>;

  /** @throws {TypeError} if an option is wrong or the key is unusable */
  constructor(options: AssertionServiceOptions) {
    const settings = readOptions('AssertionService', options, OPTIONS, KEY_HINTS);
    this.clientId = settings.clientId;
    this.issuer = settings.issuer;
    this.#boundTo = settings.issuer;
    this.#demands = keyDemands(settings);
    this.key = keyOf(settings.key, this.#demands);
    this.#settings = settings;
    this.#assertionHeader = headerOf(settings);
    this.#requestObjectHeader = headerOf(settings.requestObject);
  }

  /**
   * The JWK Set to register at the server or to publish: public keys only (RFC 7517 §5).
   * @throws {TypeError} if the key is symmetric, its public half is unknown, or a `KeyRing` has no
   *   usable keys yet
   */
  async publicJwks(): Promise<{ readonly keys: readonly JsonWebKey[] }> {
    return this.key.publicJwks();
  }

  /**
   * Makes a new client assertion (RFC 7523 §3, RFC 10070) for the parameter `client_assertion`.
   * @throws {TypeError} if the audience is unknown, or `context` names another server than the
   *   service
   */
  async createClientToken(context: JwtContext = {}): Promise<string> {
    const assertion = await this.#sign(this.#settings, this.#assertionHeader, context, {
      iss: this.clientId,
      sub: this.clientId,
    });
    publish(() => assertionMade(this.clientId, context.server?.issuer ?? this.issuer, assertion));
    return assertion;
  }

  /**
   * Signs an authorize request (JAR, RFC 9101) for the parameter `request`.
   * @param parameters of the authorization request; they become claims
   * @throws {TypeError} if the issuer is unknown, `context` names another server than the service,
   *   or a parameter cannot be signed
   */
  async signAuthorizationRequest(
    parameters: AuthorizationRequestParameters,
    context: JwtContext = {},
  ): Promise<string> {
    return this.#sign(this.#settings.requestObject, this.#requestObjectHeader, context, {
      ...claimsOfAuthorizationRequest(parameters),
      iss: this.clientId,
      client_id: this.clientId,
    });
  }

  #sign(
    settings: JwtSettings,
    header: Readonly<Record<string, unknown>>,
    options: JwtContext,
    claims: object,
  ): Promise<string> {
    const context = readOptions('The context of a JWT', options, CONTEXT);
    const aud = resolveAudience(
      context.audience ?? settings.audience,
      this.#serverOf(context.server, isFixedAudience(settings.audience)),
    );
    const offset = context.clockOffset;
    return this.key.signJwt(
      { ...settings.claims, ...claims, aud, ...validityClaims(settings, offset) },
      header,
      this.#demands,
    );
  }

  /** A fixed audience belongs to one server. */
  #serverOf(
    server: AuthorizationServer | undefined,
    isFixed: boolean,
  ): AuthorizationServer | undefined {
    if (server === undefined)
      return this.issuer === undefined ? undefined : { issuer: this.issuer };
    if (isFixed) this.#boundTo ??= server.issuer;
    if (this.#boundTo === undefined || this.#boundTo === server.issuer) return server;
    throw new TypeError(
      `The AssertionService is for ${this.#boundTo}, not ${server.issuer}: make one service per server, and write issuer as the server's metadata does, or leave it out`,
    );
  }
}
