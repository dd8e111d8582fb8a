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
import { isThenable } from '../shared/deadline.js';
import { ClientAuthenticationError, ConfigurationError } from '../shared/errors.js';
import { AuthenticationRecorder } from '../shared/events.js';
import {
  type ExpressRequest,
  type FormRequest,
  hasAuthorization,
  readForm,
} from '../shared/http.js';
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

/** The validation options, and the identity of the server. Times are in seconds. */
export interface PrivateKeyJwtStrategyOptions
  extends ClientAssertionOptions,
    ServerIdentityOptions {}

const OPTIONS = { ...SERVER_IDENTITY_OPTIONS, ...CLIENT_ASSERTION_OPTIONS };

const HINTS = {
  ...CLIENT_ASSERTION_HINTS,
  passReqToCallback: 'the lookup always gets the request, as its second argument',
};

function methodShown({ client_secret }: Credentials, authorization: string | undefined) {
  if (client_secret !== undefined) return 'client_secret_post';
  return /^basic /i.test(authorization ?? '') ? 'client_secret_basic' : undefined;
}

/** A `client_id` beside another method must name the same client (RFC 6749 §3.2.1). */
const clientIdFailure = (
  { client_id: sent }: Credentials,
  clientId: string,
): Failure | undefined =>
  sent === undefined || sent === clientId
    ? undefined
    : { reason: 'client_id_mismatch', expected: clientId, actual: sent };

type Pinned = Partial<AssertionClient> & Pick<AssertionClient, 'clientId'>;

function isPinned(client: unknown): client is Pinned {
  if (typeof client !== 'object' || client === null) return false;
  const { clientId, secrets, tokenEndpointAuthMethod, clientSecretAllowed } =
    client as Partial<AssertionClient>;
  const says =
    Array.isArray(secrets) ||
    typeof tokenEndpointAuthMethod === 'string' ||
    clientSecretAllowed === true;
  return typeof clientId === 'string' && says;
}

const NOT_PINNED =
  'otherwise accepted a client, but did not pass on the client itself with its clientId and secrets, so its rules cannot be checked. Return the client or set req.user to it (in Passport, pass it to done in the verify callback), with secrets: [] if it has no keys.';

export class RequestAuthenticator<
  Client extends AssertionClient = AssertionClient,
  Request extends FormRequest = ExpressRequest,
> {
  readonly pipeline: AssertionPipeline<Client>;
  readonly #identify: IdentifyServer<Request>;

  constructor(pipeline: AssertionPipeline<Client>, identify: IdentifyServer<Request>) {
    this.pipeline = pipeline;
    this.#identify = identify;
  }

  /** Undefined if the request has no assertion. `endpoint` overrides the option. */
  async authenticate(
    request: Request,
    endpoint?: PerRequest,
    context: unknown = request,
  ): Promise<AuthenticatedClient<Client> | undefined> {
    const form = readForm(request);
    if (form === undefined) return undefined;
    const sent = credentialsIn(form, request.headers.authorization);
    if (!hasAssertion(sent)) return undefined;
    const identity = this.#identify(request, endpoint);
    const server = isThenable(identity) ? await identity : identity;
    return await this.pipeline.authenticate(sent, server, context);
  }

  /** Without an assertion: a repeated parameter, or two methods in one request. */
  async assertOneMethod(request: Request, endpoint?: PerRequest): Promise<void> {
    const failure = methodFailure(this.credentialsOf(request));
    if (failure !== undefined) throw await this.reportRefusal(request, failure, endpoint);
  }

  /** Throws a ConfigurationError if `client` is not the client itself. */
  async admit(request: Request, client: unknown, endpoint?: PerRequest): Promise<void> {
    if (!isPinned(client)) throw new ConfigurationError(NOT_PINNED);
    const sent = this.credentialsOf(request);
    const method = methodShown(sent, request.headers.authorization);
    const failure =
      clientIdFailure(sent, client.clientId) ??
      failureWithoutAssertion(client, method, methodsIn(sent));
    if (failure !== undefined) {
      throw await this.reportRefusal(request, failure, endpoint, client.clientId);
    }
    await this.reportSuccess(request, client.clientId, method, endpoint);
  }

  /** Reports a client that another method than an assertion accepted. */
  async reportSuccess(
    request: Request,
    clientId: string,
    method: string | undefined,
    endpoint?: PerRequest,
  ): Promise<void> {
    const recorder = await this.recorder(request, endpoint);
    recorder.note({ method, clientId: safeText(clientId) });
    recorder.succeed();
  }

  reportAbsence(request: Request, endpoint?: PerRequest): Promise<ClientAuthenticationError> {
    const contentType = `content-type=${request.headers['content-type'] ?? 'none'}`;
    const failure: Failure = {
      reason: 'client_assertion_absent',
      expected: 'client_assertion',
      actual: [contentType, ...methodsIn(this.credentialsOf(request))],
    };
    return this.reportRefusal(request, failure, endpoint);
  }

  /** `knownClientId` only of a client that exists: a caller may have sent its secret as the id. */
  async reportRefusal(
    request: Request,
    failure: Failure,
    endpoint?: PerRequest,
    knownClientId?: string,
  ): Promise<ClientAuthenticationError> {
    const hasHeader = hasAuthorization(request.headers.authorization);
    const error = new ClientAuthenticationError(failure, this.pipeline.settings, hasHeader);
    const recorder = await this.recorder(request, endpoint);
    recorder.note({ clientId: safeText(knownClientId) });
    return recorder.fail(error);
  }

  private credentialsOf({ body, headers }: Request): Credentials {
    const form = typeof body === 'object' && body !== null ? body : {};
    return credentialsIn(form as Readonly<Record<string, unknown>>, headers.authorization);
  }

  /** Refusals are reported even if the application's functions cannot determine the server. */
  private async recorder(request: Request, endpoint: PerRequest | undefined) {
    const listener = this.pipeline.settings.onAuthentication;
    try {
      return new AuthenticationRecorder(await this.#identify(request, endpoint), listener);
    } catch {
      return new AuthenticationRecorder({}, listener);
    }
  }
}

export function createRequestAuthenticator<Client extends AssertionClient>(
  options: PrivateKeyJwtStrategyOptions,
  findClient: FindClient<Client>,
): RequestAuthenticator<Client> {
  const given = readOptions('PrivateKeyJwtStrategy', options, OPTIONS, HINTS);
  const identify = serverIdentifier(given);
  return new RequestAuthenticator(new AssertionPipeline(settingsFrom(given), findClient), identify);
}
