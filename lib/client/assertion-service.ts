import { CLIENT_AUTHENTICATION_TYP, REQUEST_OBJECT_TYP } from '../assertion/typ.js';
import {
  type AuthorizationRequestParameters,
  claimsOfAuthorizationRequest,
} from './authorization-request-claims.js';
import {
  type Audience,
  type AuthorizationServer,
  checkAudience,
  type JwtOptions,
  type JwtSettings,
  jwtSettings,
  resolveAudience,
  validityClaims,
} from './jwt-options.js';
import { SigningKey, type SigningKeyInput } from './signing-key.js';

/**
 * Options of an `AssertionService`: who the client is, its key, and how its assertions are made.
 * Times are in seconds. `typ` defaults to `client-authentication+jwt`; servers that know only
 * RFC 7523 may want `'JWT'` or false.
 */
export interface AssertionServiceOptions extends JwtOptions {
  readonly clientId: string;
  /** The private key: anything that `SigningKey.from` takes. */
  readonly key: SigningKeyInput;
  /**
   * The issuer identifier of the server, which is `aud` unless `audience` says otherwise. Not
   * needed with openid-client, which knows it. Where both do they must agree, so that no assertion
   * for one server is sent to another.
   */
  readonly issuer?: string | undefined;
  /** Added to this machine's clock, for one that is wrong. Default 0. */
  readonly clockOffset?: number | undefined;
  /** How request objects are made. `typ` defaults to `oauth-authz-req+jwt` (RFC 9101 §10.8). */
  readonly requestObject?: JwtOptions | undefined;
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
  readonly key: SigningKey;
  readonly #server: AuthorizationServer | undefined;
  readonly #clockOffset: number;
  readonly #assertion: JwtSettings;
  readonly #requestObject: JwtSettings;

  /** @throws {TypeError} where an option is wrong or the key cannot be used */
  constructor(options: AssertionServiceOptions) {
    const { clientId, issuer, clockOffset = 0 } = options;
    if (typeof clientId !== 'string' || clientId === '') {
      throw new TypeError('clientId must be a non-empty string');
    }
    if (issuer !== undefined && !URL.canParse(issuer)) {
      throw new TypeError('issuer must be a URL: the issuer identifier of the server');
    }
    if (!Number.isFinite(clockOffset)) {
      throw new TypeError('clockOffset must be a number of seconds');
    }
    this.clientId = clientId;
    this.key = SigningKey.from(options.key);
    this.#server = issuer === undefined ? undefined : { issuer };
    this.#clockOffset = clockOffset;
    this.#assertion = jwtSettings(options, CLIENT_AUTHENTICATION_TYP);
    this.#requestObject = jwtSettings(options.requestObject ?? {}, REQUEST_OBJECT_TYP);
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
      this.#serverOf(context),
    );
    const offset = this.#clockOffset + (context.clockOffset ?? 0);
    return this.key.signJwt(
      { ...settings.claims, ...claims, aud, ...validityClaims(settings, offset) },
      { ...settings.header, ...(settings.typ !== false && { typ: settings.typ }) },
    );
  }

  #serverOf({ server }: JwtContext): AuthorizationServer | undefined {
    if (server === undefined || this.#server === undefined) return server ?? this.#server;
    if (server.issuer === this.#server.issuer) return server;
    throw new TypeError(
      `The AssertionService is for ${this.#server.issuer}, not ${server.issuer}: make one for each server`,
    );
  }
}
