import type { FindClient } from '../clients/lookup.js';
import { type AuthenticationEvent, report, safe, traced } from '../diagnostics.js';
import { ClientAuthenticationError } from '../errors.js';
import type { Failure } from '../reasons.js';
import type { AssertionClient } from '../secrets/secret.js';
import { type Explanation, explainAssertion } from './explain.js';
import { type ClientAssertionOptions, type Settings, settingsFrom } from './settings.js';
import type { ServerIdentity } from './subject.js';
import {
  type AuthenticatedClient,
  type ClientAssertionRequest,
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
 *   parameters: { client_assertion, client_assertion_type },
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
   */
  async validate(request: ClientAssertionRequest): Promise<AuthenticatedClient<Client>> {
    const started = performance.now();
    const event = newEvent(request);
    const result = await traced(event, async () => {
      const result = await validateAssertion(request, this.settings, this.findClient, event);
      if ('failure' in result) noteFailure(event, result.failure);
      else event.outcome = 'success';
      event.duration = performance.now() - started;
      return result;
    });
    report(event, this.settings.onAuthentication);
    if ('failure' in result) {
      throw new ClientAuthenticationError(result.failure, this.settings.detailedErrors);
    }
    return result;
  }

  /**
   * Reports a request that carries no assertion that could be validated.
   *
   * @internal
   */
  refuse(server: Partial<ServerIdentity>, failure: Failure): ClientAuthenticationError {
    const event = newEvent(server);
    noteFailure(event, failure);
    report(event, this.settings.onAuthentication);
    return new ClientAuthenticationError(failure, this.settings.detailedErrors);
  }

  /**
   * Runs every check on an assertion without stopping at the first that fails and without using the
   * assertion up, for inspectors and support desks. The replay store is not asked.
   */
  explain(request: ClientAssertionRequest): Promise<Explanation> {
    return explainAssertion(request, this.settings, this.findClient);
  }
}

const newEvent = ({ issuer, endpoint }: Partial<ServerIdentity>): AuthenticationEvent => ({
  outcome: 'failure',
  issuer,
  endpoint,
  warnings: [],
  duration: 0,
});

function noteFailure(event: AuthenticationEvent, failure: Failure): void {
  event.reason = failure.reason;
  if (failure.expected !== undefined) event.expected = safe(failure.expected);
  if (failure.actual !== undefined) event.actual = safe(failure.actual);
  if (failure.cause !== undefined) event.cause = failure.cause;
}
