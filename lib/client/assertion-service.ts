import type { JsonWebKeySet } from '../keys/secret.js';
import { CLIENT_AUTHENTICATION_TYP, REQUEST_OBJECT_TYP } from '../shared/jwt-types.js';
import { assertKnownOptions, given, type OptionNames } from '../shared/option-checks.js';
import {
  ASSERTION_SERVICE_OPTIONS,
  type AssertionServiceOptions,
  KEY_HINTS,
  REQUEST_OBJECT_HINTS,
} from './assertion-service-options.js';
import {
  type AuthorizationRequestParameters,
  claimsOfAuthorizationRequest,
} from './authorization-request-claims.js';
import {
  type Audience,
  type AuthorizationServer,
  checkAudience,
  isAudience,
  JWT_OPTIONS,
  type JwtSettings,
  jwtSettings,
  resolveAudience,
  validityClaims,
} from './jwt-options.js';
import { type KeyDemands, keyDemands } from './keys/key-demands.js';
import { KeyRing } from './keys/key-ring.js';
import { SigningKey, type SigningKeyInput } from './keys/signing-key.js';
import { seconds } from './seconds.js';
import { isWebUrl } from './web-url.js';

const DAY = 86_400;

/** What one JWT is made for, over the options of the service. */
export interface JwtContext {
  /** The value of `aud`. */
  readonly audience?: Audience | undefined;
  /** The metadata of the server that the JWT goes to. */
  readonly server?: AuthorizationServer | undefined;
  /** In seconds, added to the `clockOffset` of the service. */
  readonly clockOffset?: number | undefined;
}

const CONTEXT: OptionNames<JwtContext> = { audience: true, server: true, clockOffset: true };

function keyOf(key: SigningKeyInput | KeyRing, demands: KeyDemands): SigningKey | KeyRing {
  if (!(key instanceof KeyRing)) return SigningKey.from(key, demands);
  key._checkDemands(demands);
  return key;
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
    assertKnownOptions('AssertionService', options, ASSERTION_SERVICE_OPTIONS, KEY_HINTS);
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
    assertKnownOptions('requestObject', requestObject, JWT_OPTIONS, REQUEST_OBJECT_HINTS);
    this.#requestObject = jwtSettings(given(requestObject), REQUEST_OBJECT_TYP);
  }

  /**
   * The JWK Set to register at the server, or to publish: public keys only (RFC 7517 §5).
   *
   * @throws {TypeError} where the key is symmetric or its public half is not known, or a `KeyRing`
   *   has no usable keys yet
   */
  async publicJwks(): Promise<JsonWebKeySet> {
    return this.key.publicJwks();
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
    assertKnownOptions('The context of a JWT', context, CONTEXT);
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
