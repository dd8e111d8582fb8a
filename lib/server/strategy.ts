import {
  CLIENT_ASSERTION_HINTS,
  CLIENT_ASSERTION_OPTIONS,
  type ClientAssertionOptions,
} from '../assertion/options.js';
import { hasAssertion } from '../assertion/parameters.js';
import { ClientAssertionValidator } from '../assertion/validator.js';
import type { FindClient } from '../clients/lookup.js';
import type { AssertionClient } from '../keys/secret.js';
import { ConfigurationError } from '../shared/errors.js';
import { type ExpressRequest, isFormPost, parsedForm } from '../shared/http.js';
import { assertKnownOptions, given, type OptionNames, pick } from '../shared/option-checks.js';
import { Strategy } from '../shared/passport-strategy.js';
import { noteAssertionUsed } from './assertion-used.js';
import { giveUp } from './give-up.js';
import { type FindClientWithDone, withoutDone } from './lookup-with-done.js';
import {
  type IdentifyServer,
  type PerRequest,
  SERVER_IDENTITY_OPTIONS,
  type ServerIdentityOptions,
  serverIdentifier,
} from './server-identity.js';

/** Options of the strategy: those of the validation, and who the server is. */
export interface PrivateKeyJwtStrategyOptions
  extends ClientAssertionOptions,
    ServerIdentityOptions {}

const OPTIONS: OptionNames<PrivateKeyJwtStrategyOptions> = {
  ...SERVER_IDENTITY_OPTIONS,
  ...CLIENT_ASSERTION_OPTIONS,
};

const HINTS = {
  ...CLIENT_ASSERTION_HINTS,
  passReqToCallback: 'the lookup is always given the request, as its second argument',
};

/** Options of `passport.authenticate('private-key-jwt', …)` besides Passport's own. */
export interface PrivateKeyJwtAuthenticateOptions {
  /** Overrides the strategy's `endpoint` for this route. */
  readonly endpoint?: PerRequest | undefined;
}

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
  readonly _identify: IdentifyServer;

  /**
   * @param findClient the lookup of a client by its id; its second argument is the request
   * @throws {TypeError} where an option is wrong
   */
  constructor(options: PrivateKeyJwtStrategyOptions, findClient: FindClient<Client>);
  /**
   * @param findClient calls `done`, as Passport's verify callbacks do: with an error, or null and the
   *   client
   */
  constructor(options: PrivateKeyJwtStrategyOptions, findClient: FindClientWithDone<Client>);
  constructor(
    options: PrivateKeyJwtStrategyOptions,
    findClient: FindClient<Client> | FindClientWithDone<Client>,
  ) {
    super();
    assertKnownOptions('PrivateKeyJwtStrategy', options, OPTIONS, HINTS);
    this._identify = serverIdentifier(given(options));
    this._validator = new ClientAssertionValidator(
      pick(options, CLIENT_ASSERTION_OPTIONS),
      withoutDone(findClient),
    );
  }

  /** Called by Passport. */
  authenticate(request: ExpressRequest, options: PrivateKeyJwtAuthenticateOptions = {}): void {
    // Passport sets these for each request. Where it was handed the strategy instead of its name, it
    // sets them on the one instance, and a later request's would be there when this one is done.
    const { success, fail, error } = this;
    this._authenticate(request, options)
      .then((authenticated) =>
        authenticated === undefined
          ? fail.call(this)
          : success.call(this, authenticated.client, authenticated.authentication),
      )
      // What an application's own callback throws must not end the process, the second time neither.
      .catch((cause: unknown) => error.call(this, cause))
      .catch((thrown: unknown) => giveUp(request, thrown));
  }

  /**
   * The authenticated client; undefined where the request has no assertion.
   *
   * @internal
   */
  async _authenticate(request: ExpressRequest, { endpoint }: PrivateKeyJwtAuthenticateOptions) {
    if (!isFormPost(request)) return undefined;
    const form = parsedForm(request);
    if (form === undefined) {
      throw new ConfigurationError(
        'The request has a form, but nothing has parsed it: mount express.urlencoded({ extended: false }) before authenticateClient or passport.authenticate.',
      );
    }
    if (!hasAssertion(form)) return undefined;

    const identity = this._identify(request, endpoint);
    const server = identity instanceof Promise ? await identity : identity;
    const authenticated = await this._validator.validate({
      issuer: server.issuer,
      tokenEndpoint: server.tokenEndpoint,
      endpoint: server.endpoint,
      parameters: form,
      authorization: request.headers.authorization !== undefined,
      context: request,
    });
    noteAssertionUsed(request);
    return authenticated;
  }
}
