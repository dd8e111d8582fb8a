import { type FindClient, lookUpClient } from '../clients/lookup.js';
import type { CompactJws, JsonObject } from '../keys/compact-jws.js';
import { describeSecret } from '../keys/assert-secrets.js';
import type { Candidate } from '../keys/candidate.js';
import { searchSigner } from '../keys/search-signer.js';
import type { AssertionClient } from '../keys/secret.js';
import { recordUse } from '../replay/record-use.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import { AuthenticationRecorder, hashOfJti, type StricterModes } from '../shared/events.js';
import { hasAuthorization } from '../shared/http.js';
import type { Failure } from '../shared/reasons.js';
import { safeText } from '../shared/safe.js';
import { type AudienceForm, audienceForm } from './checks/audience.js';
import {
  type AssertionSubject,
  type ClientSubject,
  firstFailure,
  type ServerIdentity,
} from './checks/check.js';
import { ASSERTION_CHECKS } from './checks/claims.js';
import { CLIENT_CHECKS, methodOf } from './checks/client.js';
import { assertionFailure, type Credentials, credentialsIn, formOf } from './credentials.js';
import { type Explanation, explainAssertion } from './explain.js';
import { type ClientAssertionOptions, readSettings, type Settings } from './options.js';
import { readJwt, viewOf } from './read.js';
import { stricterModes } from './stricter.js';

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

/** How a client proved who it is. */
export interface ClientAuthentication {
  readonly clientId: string;
  readonly method: 'private_key_jwt' | 'client_secret_jwt';
  readonly alg: string;
  /** The `kid` of the key, or the SHA-256 thumbprint of its certificate. */
  readonly keyId: string | undefined;
  /** Which of the server's names `aud` was. */
  readonly audienceForm: 'issuer' | 'token_endpoint' | 'endpoint' | 'additional';
  /** What each stricter mode would have refused, as in `AuthenticationEvent`. */
  readonly wouldFail: StricterModes;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** An authenticated client. */
export interface AuthenticatedClient<Client> {
  readonly client: Client;
  readonly authentication: ClientAuthentication;
}

type Outcome<Client> =
  | (AuthenticatedClient<Client> & { readonly failure?: undefined })
  | { readonly failure: Failure };

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

/**
 * Refuses a server without a name: an assertion without `aud` would fit it.
 *
 * @throws {TypeError}
 */
function checkServerIdentity({ issuer, tokenEndpoint, endpoint }: ServerIdentity): void {
  if (!isName(issuer)) throw new TypeError('issuer must be the issuer identifier, a URL');
  if (!isName(tokenEndpoint ?? 'none')) throw new TypeError('tokenEndpoint must be a URL');
  if (!isName(endpoint ?? 'none')) throw new TypeError('endpoint must be a URL');
}

/** The `kid` of a key, or the thumbprint of its certificate. */
const keyIdOf = ({ key }: Candidate): string | undefined => key.kid ?? key.x5tS256;

function noteAssertion(
  recorder: AuthenticationRecorder,
  { header }: CompactJws,
  claims: JsonObject,
  timesAsStrings: readonly string[],
): void {
  const { iss, jti } = claims;
  recorder.note({
    clientId: safeText(iss),
    alg: safeText(header['alg']),
    typ: safeText(header['typ']),
    keyId: safeText(header['kid'] ?? header['x5t#S256'] ?? header['x5t']),
    ...(typeof jti === 'string' && { jtiHash: hashOfJti(jti) }),
    ...(timesAsStrings.length > 0 && { timesAsStrings }),
  });
}

function noteSigner(recorder: AuthenticationRecorder, signer: Candidate, warnBefore: number): void {
  const secret = describeSecret(signer.secret);
  const keyId = safeText(keyIdOf(signer));
  recorder.note({ secret, ...(keyId !== undefined && { keyId }) });
  const { expiresAt } = signer;
  if (expiresAt === undefined) return;
  const secretExpiresAt = new Date(expiresAt * 1000);
  recorder.note({ secretExpiresAt });
  if (expiresAt >= warnBefore) return;
  const message = `The secret expires on ${secretExpiresAt.toISOString()}.`;
  recorder.warn({ code: 'secret_expiring', secret, message });
}

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
  /** @internal */
  readonly settings: Settings;
  /** @internal */
  readonly findClient: FindClient<Client>;

  /**
   * @param findClient the lookup of a client by its id
   * @throws {TypeError | ConfigurationError} if an option is wrong
   */
  constructor(options: ClientAssertionOptions, findClient: FindClient<Client>) {
    if (typeof findClient !== 'function') {
      throw new TypeError('findClient must be a function that returns the client of a client_id');
    }
    const given = 'give it to validate';
    const hints = { issuer: given, tokenEndpoint: given, endpoint: given };
    this.settings = readSettings('ClientAssertionValidator', options, hints);
    this.findClient = findClient;
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
    const hasHeader =
      typeof authorization === 'string' ? hasAuthorization(authorization) : authorization === true;
    return this._validate(credentialsIn(formOf(parameters), hasHeader), request, context);
  }

  /** @internal */
  _validate(
    sent: Credentials,
    server: ServerIdentity,
    context: unknown,
  ): Promise<AuthenticatedClient<Client>> {
    const recorder = new AuthenticationRecorder(server, this.settings.onAuthentication);
    return recorder.trace(async () => {
      const outcome = await this.run(sent, server, context, recorder);
      if (outcome.failure === undefined) {
        recorder.succeed();
        return outcome;
      }
      const { failure } = outcome;
      throw recorder.fail(
        new ClientAuthenticationError(failure, this.settings, sent.authorization),
      );
    });
  }

  private async run(
    sent: Credentials,
    server: ServerIdentity,
    context: unknown,
    recorder: AuthenticationRecorder,
  ): Promise<Outcome<Client>> {
    try {
      return await validateAssertion(sent, server, context, this, recorder);
    } catch (cause) {
      return { failure: { reason: 'internal_error', cause } };
    }
  }

  /**
   * Runs every check on an assertion without stopping at the first that fails and without using the
   * assertion up, for inspectors and support desks. The replay store is not asked. For operators
   * only: it reveals the keys of any client, with their descriptions and expirations.
   */
  explain(request: ClientAssertionRequest): Promise<Explanation> {
    return explainAssertion(request, this.settings, this.findClient);
  }
}

/**
 * The pipeline: read, check, look the client up, check again, find the key that signed, remember. It
 * stops at the first failure. What it learns on its way goes to the recorder.
 */
async function validateAssertion<Client extends AssertionClient>(
  sent: Credentials,
  server: ServerIdentity,
  context: unknown,
  { settings, findClient }: ClientAssertionValidator<Client>,
  recorder: AuthenticationRecorder,
): Promise<Outcome<Client>> {
  const counted = settings.ignoreAuthorizationHeader ? { ...sent, authorization: false } : sent;
  const wrong = assertionFailure(counted, settings.acceptGrantTypeAsAssertionType);
  if (wrong !== undefined) return { failure: wrong };
  const read = readJwt(sent.client_assertion as string, settings.maxAssertionLength);
  if (read.failure !== undefined) return read;
  const { jws } = read;
  const { claims, typ, timesAsStrings } = viewOf(jws, settings);
  noteAssertion(recorder, jws, claims, timesAsStrings);

  const now = Date.now() / 1000;
  const clientIdParameter = sent.client_id as string | undefined;
  const subject: AssertionSubject = { jws, claims, typ, clientIdParameter, server, settings, now };
  const assertionFault = firstFailure(ASSERTION_CHECKS, subject);
  if (assertionFault !== undefined) return { failure: assertionFault };
  const clientId = claims['iss'] as string;
  const form = audienceForm(subject) as AudienceForm;
  recorder.note({ audienceForm: form });

  const lookup = lookUpClient(findClient, clientId, context, settings.lookupTimeout);
  const found = lookup instanceof Promise ? await lookup : lookup;
  if (found.failure !== undefined) return { failure: found.failure };
  const { client } = found;
  const clientSubject: ClientSubject = { ...subject, client };
  const clientFault = firstFailure(CLIENT_CHECKS, clientSubject);
  if (clientFault !== undefined) return { failure: clientFault };

  const { signer, failure, warnings } = await searchSigner(jws, client, now, settings);
  recorder.warn(...warnings);
  if (failure !== undefined) return { failure };

  const jti = claims['jti'] as string;
  const expiresAt = (claims['exp'] as number) + settings.clockTolerance;
  const recorded = recordUse({ clientId, jti, expiresAt }, settings);
  const replay = recorded instanceof Promise ? await recorded : recorded;
  if (replay !== undefined) return { failure: replay };

  noteSigner(recorder, signer, now + settings.secretExpiryWarning);
  const alg = jws.header['alg'] as string;
  const method = methodOf(alg);
  const wouldFail = stricterModes(clientSubject, timesAsStrings);
  recorder.note({ method, wouldFail });
  const keyId = keyIdOf(signer);
  const authentication = { clientId, method, alg, keyId, audienceForm: form, wouldFail, claims };
  return { client, authentication };
}
