import type { FindClient } from '../clients/lookup.js';
import type { AssertionClient } from '../keys/secret.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import {
  type AuthenticationEvent,
  isTraced,
  newEvent,
  noteError,
  report,
  traced,
} from '../shared/events.js';
import { explainAssertion } from './explain.js';
import type { Explanation } from './explain-alone.js';
import type { ClientAssertionOptions } from './options.js';
import { type Settings, settingsFrom } from './settings.js';
import { checkServerIdentity } from './subject.js';
import {
  type AuthenticatedClient,
  type ClientAssertionRequest,
  type Outcome,
  validateAssertion,
} from './validate.js';

/**
 * Validates client assertions (RFC 7521 §4.2, RFC 7523 §3) without Express or Passport.
 *
 * @example
 * ```ts
 * const validator = new ClientAssertionValidator({}, (clientId) => clients.get(clientId));
 * const { client } = await validator.validate({
 *   issuer: 'https://as.example',
 *   tokenEndpoint: 'https://as.example/token',
 *   parameters: form,
 *   authorization: request.headers.authorization !== undefined,
 * });
 * ```
 */
export class ClientAssertionValidator<Client extends AssertionClient = AssertionClient> {
  /** @internal */
  readonly settings: Settings;
  private readonly findClient: FindClient<Client>;

  /** @throws {TypeError} where an option is wrong */
  constructor(options: ClientAssertionOptions, findClient: FindClient<Client>) {
    if (typeof findClient !== 'function') {
      throw new TypeError('findClient must be a function that returns the client of a client_id');
    }
    this.settings = settingsFrom(options);
    this.findClient = findClient;
  }

  /**
   * Validates an assertion and uses it up: a second call with the same one is a replay.
   *
   * @throws {ClientAuthenticationError} where the client is not authenticated
   * @throws {TypeError} where the request does not say who the server is
   */
  async validate(request: ClientAssertionRequest): Promise<AuthenticatedClient<Client>> {
    checkServerIdentity(request);
    const started = performance.now();
    const event = newEvent(request);
    const { settings } = this;
    const run = () => this.run(request, event);
    const settle = (result: Outcome<Client>) => {
      event.duration = performance.now() - started;
      if (result.failure === undefined) {
        event.outcome = 'success';
        return result;
      }
      const error = new ClientAuthenticationError(result.failure, settings.detailedErrors);
      noteError(event, error);
      return error;
    };
    const outcome = isTraced()
      ? await traced(event, async () => settle(await run()))
      : settle(await run());
    report(event, settings.onAuthentication);
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  private async run(
    request: ClientAssertionRequest,
    event: AuthenticationEvent,
  ): Promise<Outcome<Client>> {
    try {
      return await validateAssertion(request, this.settings, this.findClient, event);
    } catch (cause) {
      return { failure: { reason: 'internal_error', cause } };
    }
  }

  /**
   * Runs every check on an assertion without stopping at the first that fails and without using the
   * assertion up, for inspectors and support desks. The replay store is not asked. It is for the
   * operator's own people: of a client whose id anybody may write it names keys, with their
   * descriptions and expirations.
   */
  explain(request: ClientAssertionRequest): Promise<Explanation> {
    return explainAssertion(request, this.settings, this.findClient);
  }
}
