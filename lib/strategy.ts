import { readParameters } from './assertion/parameters.js';
import type { ClientAssertionOptions } from './assertion/settings.js';
import type { ServerIdentity } from './assertion/subject.js';
import { ClientAssertionValidator } from './assertion/validator.js';
import type { FindClient } from './clients/lookup.js';
import { ConfigurationError } from './errors.js';
import { type ExpressRequest, hasBody, isFormPost } from './http.js';
import { Strategy } from './passport-strategy.js';
import type { AssertionClient } from './secrets/secret.js';

/** A URL, or how it follows from the request: for servers with several issuers. */
export type PerRequest = string | ((request: ExpressRequest) => string | Promise<string>);

/** Options of the strategy: those of the validation, and who the server is. */
export interface PrivateKeyJwtStrategyOptions extends ClientAssertionOptions {
  /** The issuer identifier (RFC 8414 §2). */
  readonly issuer: PerRequest;
  /** The URL of the token endpoint, which `compatible` accepts as `aud` on every endpoint. */
  readonly tokenEndpoint?: PerRequest | undefined;
  /**
   * The URL of the endpoint being called, which `compatible` accepts as `aud`. Default: the origin
   * of the issuer and the path of the request. Never taken from the Host header, which the caller
   * writes. Set it where a proxy changes the path.
   */
  readonly endpoint?: PerRequest | undefined;
}

/** Options of `passport.authenticate('private-key-jwt', …)` besides Passport's own. */
export interface PrivateKeyJwtAuthenticateOptions {
  /** Overrides the strategy's `endpoint` for this route. */
  readonly endpoint?: PerRequest | undefined;
}

function checkUrl(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  if (typeof value === 'string' && URL.canParse(value)) return;
  throw new TypeError(`${name} must be an absolute URL, or a function that returns one`);
}

const resolve = async (value: PerRequest, request: ExpressRequest): Promise<string> =>
  typeof value === 'function' ? value(request) : value;

const pathOf = (request: ExpressRequest): string =>
  (request.originalUrl ?? request.url ?? '/').split('?', 1)[0] ?? '/';

/**
 * Authenticates the callers of OAuth endpoints by their signed JWT assertion: `private_key_jwt` and
 * `client_secret_jwt` (RFC 7523, OpenID Connect Core §9).
 *
 * On success `req.user` is the client and `req.authInfo` a `ClientAuthentication`. A request
 * without an assertion is left to the next strategy of the list. One with an assertion ends here:
 * its failure is an error, so that no other strategy can accept the request for something else.
 *
 * @example
 * ```ts
 * passport.use(
 *   new PrivateKeyJwtStrategy(
 *     { issuer: 'https://as.example', tokenEndpoint: 'https://as.example/token' },
 *     (clientId) => clients.get(clientId),
 *   ),
 * );
 * ```
 */
export class PrivateKeyJwtStrategy<
  Client extends AssertionClient = AssertionClient,
> extends Strategy {
  readonly name = 'private-key-jwt';
  // Passport makes each request's strategy with Object.create, for which #private would throw.
  /** @internal */
  readonly _validator: ClientAssertionValidator<Client>;
  /** @internal */
  readonly _options: PrivateKeyJwtStrategyOptions;

  /**
   * @param findClient the lookup of a client by its id; its second argument is the request
   * @throws {TypeError} where an option is wrong
   */
  constructor(options: PrivateKeyJwtStrategyOptions, findClient: FindClient<Client>) {
    super();
    checkUrl('issuer', options.issuer);
    if (options.tokenEndpoint !== undefined) checkUrl('tokenEndpoint', options.tokenEndpoint);
    if (options.endpoint !== undefined) checkUrl('endpoint', options.endpoint);
    this._options = options;
    this._validator = new ClientAssertionValidator(options, findClient);
  }

  /** Called by Passport. */
  authenticate(request: ExpressRequest, options: PrivateKeyJwtAuthenticateOptions = {}): void {
    this._authenticate(request, options).then(
      (authenticated) => {
        if (authenticated === undefined) this.fail();
        else this.success(authenticated.client, authenticated.authentication);
      },
      (error: unknown) => this.error(error),
    );
  }

  /**
   * The authenticated client; undefined where the request has no assertion.
   *
   * @internal
   */
  async _authenticate(request: ExpressRequest, options: PrivateKeyJwtAuthenticateOptions) {
    if (!isFormPost(request)) return undefined;
    const { body } = request;
    if (typeof body !== 'object' || body === null || body instanceof Uint8Array) {
      if (!hasBody(request)) return undefined;
      throw new ConfigurationError(
        'The request has a form, but nothing has parsed it: mount express.urlencoded({ extended: false }) before passport.authenticate.',
      );
    }

    const sent = readParameters(body as Record<string, unknown>, {
      authorization: request.headers.authorization !== undefined,
      acceptGrantTypeAsAssertionType: this._validator.settings.acceptGrantTypeAsAssertionType,
    });
    if (sent.found === 'none') return undefined;
    const server = await this._serverOf(request, options);
    if (sent.found === 'failure') throw this._validator.refuse(server, sent.failure);
    return this._validator.validate({
      ...server,
      parameters: sent.parameters,
      context: request,
    });
  }

  /** @internal */
  async _serverOf(
    request: ExpressRequest,
    options: PrivateKeyJwtAuthenticateOptions,
  ): Promise<ServerIdentity> {
    const issuer = await resolve(this._options.issuer, request);
    const { tokenEndpoint } = this._options;
    const endpoint = options.endpoint ?? this._options.endpoint;
    return {
      issuer,
      tokenEndpoint:
        tokenEndpoint === undefined ? undefined : await resolve(tokenEndpoint, request),
      endpoint:
        endpoint === undefined
          ? new URL(issuer).origin + pathOf(request)
          : await resolve(endpoint, request),
    };
  }
}
