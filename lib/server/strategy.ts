import type { ServerResponse } from 'node:http';
import PassportStrategy from 'passport-strategy';
import type { FindClient } from '../clients/lookup.js';
import { isSymmetric } from '../keys/compact-jws.js';
import type { AssertionClient } from '../keys/secret.js';
import { OAuthError } from '../shared/errors.js';
import { type ExpressRequest, sendOAuthError } from '../shared/http.js';
import { errorFrom, thrownText } from '../shared/safe.js';
import {
  createRequestAuthenticator,
  type PrivateKeyJwtStrategyOptions,
  type RequestAuthenticator,
} from './request-authenticator.js';
import type { PerRequest } from './server-identity.js';

/** Declarations need no other package. Passport adds the methods to each request's instance. */
export interface PassportStrategyBase {
  success(user: object, info?: object): void;
  fail(challenge?: string | number, status?: number): void;
  error(error: unknown): void;
}

/** Cast to a declared type, because the public declarations extend it. */
export const Strategy = PassportStrategy as unknown as new () => PassportStrategyBase;

/**
 * Authenticates the callers of OAuth endpoints by their signed JWT assertion: `private_key_jwt` and
 * `client_secret_jwt` (RFC 7523, OpenID Connect Core §9). On success `req.user` is the client and
 * `req.authInfo` a `ClientAuthentication`. A request without an assertion goes to the next strategy
 * of the list. With an assertion, the failure is an error, so that no other strategy can accept the
 * request.
 *
 * ```http
 * POST /token HTTP/1.1
 * Content-Type: application/x-www-form-urlencoded
 *
 * grant_type=client_credentials&client_assertion=eyJhbGciOiJFUzI1NiJ9…
 * &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer
 * ```
 * @example
 * ```ts
 * const privateKeyJwt = new PrivateKeyJwtStrategy(
 *   { issuer: 'https://as.example', tokenEndpoint: 'https://as.example/token' },
 *   (clientId) => clients.get(clientId),
 * );
 * app.post('/token', authenticateClient(privateKeyJwt), token);
 * ```
 */
export class PrivateKeyJwtStrategy<
  Client extends AssertionClient = AssertionClient,
> extends Strategy {
  readonly name = 'private-key-jwt';
  // Passport makes each request's strategy with Object.create, which breaks #private members.
  /** @internal */
  readonly _authenticator: RequestAuthenticator<Client>;

  /**
   * @param findClient its second argument is the request
   * @throws {TypeError | ConfigurationError} if an option is wrong
   */
  constructor(options: PrivateKeyJwtStrategyOptions, findClient: FindClient<Client>) {
    super();
    this._authenticator = createRequestAuthenticator(options, findClient);
  }

  /** For the discovery document: the members of RFC 8414 §2 for these options. */
  metadata(): {
    readonly token_endpoint_auth_methods_supported: readonly string[];
    readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  } {
    const algorithms = [...this._authenticator.pipeline.settings.algorithms];
    const methods = [
      ...(algorithms.every(isSymmetric) ? [] : ['private_key_jwt']),
      ...(algorithms.some(isSymmetric) ? ['client_secret_jwt'] : []),
    ];
    return {
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: algorithms,
    };
  }

  /** Called by Passport. `endpoint` overrides the strategy's own for this route. */
  authenticate(
    request: ExpressRequest,
    options: { readonly endpoint?: PerRequest | undefined } = {},
  ): void {
    // Passport sets these for each request. If Passport got the strategy instead of its name, all
    // requests share one instance, and a later request would replace them.
    const { success, fail, error } = this;
    this._authenticator
      .authenticate(request, options.endpoint)
      .then((authenticated) =>
        authenticated === undefined
          ? fail.call(this)
          : success.call(this, authenticated.client, authenticated.authentication),
      )
      // If the application's callback throws, even twice, the process must not end.
      .catch((cause: unknown) => error.call(this, errorFrom(cause)))
      .catch((thrown: unknown) => giveUp(request, thrown));
  }
}

/** The application also threw the error that it was given. */
function giveUp(request: ExpressRequest, thrown: unknown): void {
  process.emitWarning(
    `The callback of passport.authenticate failed: ${thrownText(thrown).replace(/\.$/, '')}. It must pass errors to next, or send a response.`,
    'PrivateKeyJwtWarning',
  );
  // Set by Express.
  const { res: response } = request as { readonly res?: ServerResponse };
  if (response === undefined || response.headersSent) return;
  const error = new OAuthError('server_error', 'The server could not answer the request.', 500);
  sendOAuthError(error, request, response);
}
