import {
  type Credentials,
  credentialsIn,
  hasAssertion,
  methodFailure,
  methodsIn,
} from '../assertion/credentials.js';
import {
  CLIENT_ASSERTION_OPTIONS,
  type ClientAssertionOptions,
  settingsFrom,
} from '../assertion/options.js';
import { AssertionPipeline, type AuthenticatedClient } from '../assertion/pipeline.js';
import { CLIENT_ASSERTION_HINTS } from '../assertion/rules.js';
import type { FindClient } from '../clients/lookup.js';
import { failureWithoutAssertion } from '../clients/policy.js';
import type { AssertionClient } from '../keys/secret.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import { AuthenticationRecorder } from '../shared/events.js';
import { type ExpressRequest, hasAuthorization, readForm } from '../shared/http.js';
import { readOptions } from '../shared/options.js';
import type { Failure } from '../shared/reasons.js';
import { safeText } from '../shared/safe.js';
import {
  type IdentifyServer,
  type PerRequest,
  SERVER_IDENTITY_OPTIONS,
  type ServerIdentityOptions,
  serverIdentifier,
} from './server-identity.js';

/** Options of the strategy: those of the validation, and who the server is. Times are in seconds. */
export interface PrivateKeyJwtStrategyOptions
  extends ClientAssertionOptions,
    ServerIdentityOptions {}

const OPTIONS = { ...SERVER_IDENTITY_OPTIONS, ...CLIENT_ASSERTION_OPTIONS };

const HINTS = {
  ...CLIENT_ASSERTION_HINTS,
  passReqToCallback: 'the lookup is always given the request, as its second argument',
};

/** The method of OpenID Connect Core §9 that a request without an assertion shows. */
function methodShown({ client_secret }: Credentials, authorization: string | undefined) {
  if (client_secret !== undefined) return 'client_secret_post';
  return /^basic /i.test(authorization ?? '') ? 'client_secret_basic' : undefined;
}

/**
 * Authenticates the client of an Express request: form, server identity, pipeline. The strategy,
 * `authenticateClient` and the MCP router are adapters on it.
 */
export class RequestAuthenticator<Client extends AssertionClient = AssertionClient> {
  readonly pipeline: AssertionPipeline<Client>;
  readonly #identify: IdentifyServer;

  /** @throws {TypeError | ConfigurationError} if an option is wrong */
  constructor(options: PrivateKeyJwtStrategyOptions, findClient: FindClient<Client>) {
    const given = readOptions('PrivateKeyJwtStrategy', options, OPTIONS, HINTS);
    this.#identify = serverIdentifier(given);
    this.pipeline = new AssertionPipeline(settingsFrom(given), findClient);
  }

  /**
   * The client that an assertion proves; undefined if the request has none.
   *
   * @param endpoint overrides the option of this name
   * @throws {ClientAuthenticationError} if the assertion proves no client
   * @throws {ConfigurationError} if the form was not parsed
   */
  async authenticate(
    request: ExpressRequest,
    endpoint?: PerRequest,
  ): Promise<AuthenticatedClient<Client> | undefined> {
    const form = readForm(request);
    if (form === undefined) return undefined;
    const sent = credentialsIn(form, request.headers.authorization);
    if (!hasAssertion(sent)) return undefined;
    const identity = this.#identify(request, endpoint);
    const server = identity instanceof Promise ? await identity : identity;
    return this.pipeline.authenticate(sent, server, request);
  }

  /**
   * Refuses a request without an assertion that breaks the rules for every method.
   *
   * @throws {ClientAuthenticationError} for a parameter sent twice, or two methods in one request
   */
  async assertOneMethod(request: ExpressRequest, endpoint?: PerRequest): Promise<void> {
    const failure = methodFailure(this.credentialsOf(request));
    if (failure !== undefined) throw await this.refusal(request, failure, endpoint);
  }

  /**
   * Decides about a client that another method has accepted, by the rules for clients with
   * assertions, and reports the event.
   *
   * @throws {ClientAuthenticationError} if the client is disabled, or must use another method
   */
  async admit(
    request: ExpressRequest,
    client: Partial<AssertionClient> & Pick<AssertionClient, 'clientId'>,
    endpoint?: PerRequest,
  ): Promise<void> {
    const sent = this.credentialsOf(request);
    const method = methodShown(sent, request.headers.authorization);
    const failure = failureWithoutAssertion(client, method, methodsIn(sent));
    if (failure !== undefined) {
      throw await this.refusal(request, failure, endpoint, client.clientId);
    }
    const recorder = await this.recorder(request, endpoint);
    recorder.note({ method, clientId: safeText(client.clientId) });
    recorder.succeed();
  }

  /** The refusal of a request in which no method has found anything to accept. */
  absence(request: ExpressRequest, endpoint?: PerRequest): Promise<ClientAuthenticationError> {
    const contentType = `content-type=${request.headers['content-type'] ?? 'none'}`;
    const failure: Failure = {
      reason: 'client_assertion_absent',
      expected: 'client_assertion',
      actual: [contentType, ...methodsIn(this.credentialsOf(request))],
    };
    return this.refusal(request, failure, endpoint);
  }

  /**
   * Reports a refusal, and makes the error for the caller.
   *
   * @param provedClientId only of a client that has proved it: a caller may have put its secret there
   */
  async refusal(
    request: ExpressRequest,
    failure: Failure,
    endpoint?: PerRequest,
    provedClientId?: string,
  ): Promise<ClientAuthenticationError> {
    const hasHeader = hasAuthorization(request.headers.authorization);
    const error = new ClientAuthenticationError(failure, this.pipeline.settings, hasHeader);
    const recorder = await this.recorder(request, endpoint);
    recorder.note({ clientId: safeText(provedClientId) });
    return recorder.fail(error);
  }

  private credentialsOf({ body, headers }: ExpressRequest): Credentials {
    const form = typeof body === 'object' && body !== null ? body : {};
    return credentialsIn(form as Readonly<Record<string, unknown>>, headers.authorization);
  }

  /** A refusal is reported even if the functions of the application cannot tell who the server is. */
  private async recorder(request: ExpressRequest, endpoint: PerRequest | undefined) {
    const listener = this.pipeline.settings.onAuthentication;
    try {
      return new AuthenticationRecorder(await this.#identify(request, endpoint), listener);
    } catch {
      return new AuthenticationRecorder({}, listener);
    }
  }
}
