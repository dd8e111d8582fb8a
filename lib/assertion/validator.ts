import type { FindClient } from '../clients/lookup.js';
import type { AssertionClient } from '../keys/secret.js';
import { readOptions } from '../shared/options.js';
import type { ServerIdentity } from './checks/check.js';
import { credentialsIn, formOf } from './credentials.js';
import { type Explanation, explainAssertion } from './explain.js';
import { CLIENT_ASSERTION_OPTIONS, type ClientAssertionOptions, settingsFrom } from './options.js';
import { AssertionPipeline, type AuthenticatedClient } from './pipeline.js';
import { CLIENT_ASSERTION_HINTS } from './rules.js';

/** A request with an assertion, and the server that it came to. */
export interface ClientAssertionRequest {
  /** The issuer identifier of the authorization server (RFC 8414 §2). */
  readonly issuer: string;
  /** The URL of the token endpoint. */
  readonly tokenEndpoint?: string | undefined;
  /** The URL of the endpoint being called, if it is another one. */
  readonly endpoint?: string | undefined;
  /**
   * The parsed form: an object, URLSearchParams or FormData. Members that are not about client
   * authentication are ignored.
   */
  readonly parameters: object | undefined;
  /** The request's Authorization header, or whether it has one: a second method. Default none. */
  readonly authorization?: string | boolean | undefined;
  /** Handed on to the lookup of the client. */
  readonly context?: unknown;
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

const isOptionalName = (value: unknown): boolean => value === undefined || isName(value);

/**
 * Refuses a server without a name: an assertion without `aud` would fit it.
 *
 * @throws {TypeError}
 */
function checkServerIdentity({ issuer, tokenEndpoint, endpoint }: ServerIdentity): void {
  if (!isName(issuer)) throw new TypeError('issuer must be the issuer identifier, a URL');
  if (!isOptionalName(tokenEndpoint)) throw new TypeError('tokenEndpoint must be a URL');
  if (!isOptionalName(endpoint)) throw new TypeError('endpoint must be a URL');
}

const GIVEN = 'give it to validate';
const HINTS = { ...CLIENT_ASSERTION_HINTS, issuer: GIVEN, tokenEndpoint: GIVEN, endpoint: GIVEN };

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
 *   authorization: request.headers.authorization,
 * });
 * ```
 */
export class ClientAssertionValidator<Client extends AssertionClient = AssertionClient> {
  readonly #pipeline: AssertionPipeline<Client>;

  /**
   * @param findClient the lookup of a client by its id
   * @throws {TypeError | ConfigurationError} if an option is wrong
   */
  constructor(options: ClientAssertionOptions, findClient: FindClient<Client>) {
    const owner = 'ClientAssertionValidator';
    const given = readOptions(owner, options, CLIENT_ASSERTION_OPTIONS, HINTS);
    this.#pipeline = new AssertionPipeline(settingsFrom(given), findClient);
  }

  /**
   * Validates an assertion and uses it up: a second call with the same one is a replay.
   *
   * @throws {ClientAuthenticationError} if the client is not authenticated
   * @throws {TypeError} if the request does not say who the server is
   */
  async validate(request: ClientAssertionRequest): Promise<AuthenticatedClient<Client>> {
    checkServerIdentity(request);
    const { parameters, authorization, context } = request;
    return this.#pipeline.authenticate(
      credentialsIn(formOf(parameters), authorization),
      request,
      context,
    );
  }

  /**
   * Runs every check on an assertion without stopping at the first that fails and without using the
   * assertion up, for inspectors and support desks. The replay store is not asked. For operators
   * only: it reveals the keys of any client, with their descriptions and expirations.
   */
  explain(request: ClientAssertionRequest): Promise<Explanation> {
    const { settings, findClient } = this.#pipeline;
    return explainAssertion(request, settings, findClient);
  }
}
