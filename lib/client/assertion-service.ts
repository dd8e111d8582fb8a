import { CLIENT_AUTHENTICATION_TYP, REQUEST_OBJECT_TYP } from '../assertion/typ.js';
import { given } from '../option-checks.js';
import {
  type AuthorizationRequestParameters,
  claimsOfAuthorizationRequest,
} from './authorization-request-claims.js';
import {
  type Audience,
  type AuthorizationServer,
  checkAudience,
  isAudience,
  type JwtOptions,
  type JwtSettings,
  jwtSettings,
  resolveAudience,
  validityClaims,
} from './jwt-options.js';
import { type KeyDemands, keyDemands } from './key-demands.js';
import { KeyRing } from './key-ring.js';
import { seconds } from './seconds.js';
import { SigningKey, type SigningKeyInput } from './signing-key.js';
import { isWebUrl } from './web-url.js';

const DAY = 86_400;

/** How request objects are made; their key, and how it is named, are those of the assertions. */
export interface RequestObjectOptions extends JwtOptions {
  readonly algorithms?: never;
  readonly keyHeader?: never;
}

/**
 * Options of an `AssertionService`: who the client is, its key, and how its assertions are made.
 * Times are in seconds. `typ` defaults to `client-authentication+jwt`; servers that know only
 * RFC 7523 may want `'JWT'` or false.
 */
export interface AssertionServiceOptions extends JwtOptions, KeyDemands {
  readonly clientId: string;
  /** The private key: anything that `SigningKey.from` takes; or several that follow each other. */
  readonly key: SigningKeyInput | KeyRing;
  /**
   * The issuer identifier of the server, which is `aud` unless `audience` says otherwise. Not
   * needed with openid-client, which knows it. Where both do they must agree to the letter, so that
   * no assertion for one server is sent to another.
   */
  readonly issuer?: string | undefined;
  /** Added to this machine's clock, for one that is wrong, by a day at most. Default 0. */
  readonly clockOffset?: number | undefined;
  /** How request objects are made. `typ` defaults to `oauth-authz-req+jwt` (RFC 9101 §10.8). */
  readonly requestObject?: RequestObjectOptions | undefined;
}

/** What one JWT is made for, over the options of the service. */
export interface JwtContext {
  /** The value of `aud`. */
  readonly audience?: Audience | undefined;
  /** The metadata of the server that the JWT goes to. */
  readonly server?: AuthorizationServer | undefined;
  /** In seconds, added to the `clockOffset` of the service. */
  readonly clockOffset?: number | undefined;
}

function keyOf(key: SigningKeyInput | KeyRing, demands: KeyDemands): SigningKey | KeyRing {
  if (!(key instanceof KeyRing)) return SigningKey.from(key, demands);
  key._checkDemands(demands);
  return key;
}

/** A preset says how the assertions for one endpoint are made; a request object is for another. */
function checkRequestObject(options: object): JwtOptions {
  const wrong = ['algorithms', 'keyHeader'].find((name) => Object.hasOwn(options, name));
  if (wrong === undefined) return options;
  throw new TypeError(
    `requestObject must not have ${wrong}: it is no preset, and has the same key`,
  );
}

/**
 * Makes the JWTs that a client proves itself with: client assertions and signed authorize requests,
 * each new and good for one use.
 *
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
export class AssertionService {
  readonly clientId: string;
  readonly key: SigningKey | KeyRing;
  /** The issuer identifier of the server; undefined where the service was not told. */
  readonly issuer: string | undefined;
  readonly #demands: KeyDemands;
  /** The issuer that a fixed audience is for. */
  #boundTo: string | undefined;
  readonly #clockOffset: number;
  readonly #assertion: JwtSettings;
  readonly #requestObject: JwtSettings;

  /** @throws {TypeError} where an option is wrong or the key cannot be used */
  constructor(options: AssertionServiceOptions) {
    const { clientId, issuer, clockOffset = 0, requestObject = {} } = given(options);
    if (typeof clientId !== 'string' || clientId === '') {
      throw new TypeError('clientId must be a non-empty string');
    }
    if (issuer !== undefined && !isWebUrl(issuer)) {
      throw new TypeError('issuer must be a URL: the issuer identifier of the server');
    }
    this.clientId = clientId;
    this.issuer = issuer;
    this.#boundTo = issuer;
    this.#demands = keyDemands(options);
    this.key = keyOf(options.key, this.#demands);
    this.#clockOffset = seconds('clockOffset', clockOffset, -DAY, DAY);
    this.#assertion = jwtSettings(options, CLIENT_AUTHENTICATION_TYP);
    this.#requestObject = jwtSettings(checkRequestObject(requestObject), REQUEST_OBJECT_TYP);
  }

  /**
   * A new client assertion (RFC 7523 §3; draft-ietf-oauth-rfc7523bis).
   *
   * @returns a JWT for the parameter `client_assertion`
   * @throws {TypeError} where the audience is not known, or the server is not the service's own
   */
  createClientToken(context: JwtContext = {}): Promise<string> {
    return this.#sign(this.#assertion, context, { iss: this.clientId, sub: this.clientId });
  }

  /**
   * A signed authorize request (JAR, RFC 9101).
   *
   * @param parameters of the authorization request, which become claims
   * @returns a JWT for the parameter `request`
   * @throws {TypeError} where the issuer is not known, the server is not the service's own, or a
   *   parameter cannot be signed
   */
  async signAuthorizationRequest(
    parameters: AuthorizationRequestParameters,
    context: JwtContext = {},
  ): Promise<string> {
    return this.#sign(this.#requestObject, context, {
      ...claimsOfAuthorizationRequest(parameters),
      iss: this.clientId,
      client_id: this.clientId,
    });
  }

  async #sign(settings: JwtSettings, context: JwtContext, claims: object): Promise<string> {
    const aud = resolveAudience(
      checkAudience(context.audience) ?? settings.audience,
      this.#serverOf(context, isAudience(settings.audience)),
    );
    const offset = this.#clockOffset + (context.clockOffset ?? 0);
    return this.key.signJwt(
      { ...settings.claims, ...claims, aud, ...validityClaims(settings, offset) },
      settings.header,
      this.#demands,
    );
  }

  /** @param isFixed whether the audience does not follow from the server, so that it is for one */
  #serverOf({ server }: JwtContext, isFixed: boolean): AuthorizationServer | undefined {
    if (server === undefined)
      return this.issuer === undefined ? undefined : { issuer: this.issuer };
    if (isFixed) this.#boundTo ??= server.issuer;
    if (this.#boundTo === undefined || this.#boundTo === server.issuer) return server;
    throw new TypeError(
      `The AssertionService is for ${this.#boundTo}, not ${server.issuer}: make one for each server, and write issuer as the metadata of the server does, or leave it out`,
    );
  }
}
