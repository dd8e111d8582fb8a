import { type FindClient, lookUpClient } from '../clients/lookup.js';
import { type CompactJws, type JsonObject, methodOf } from '../keys/compact-jws.js';
import { findSigner } from '../keys/find-signer.js';
import { noteProved } from '../keys/key-cache.js';
import { type AssertionClient, describeSecret } from '../keys/secret.js';
import { recordUse } from '../replay/record-use.js';
import { isThenable } from '../shared/deadline.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import { type AuthenticationEvent, AuthenticationRecorder, hashOfJti } from '../shared/events.js';
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
import { CLIENT_CHECKS } from './checks/client.js';
import { isOfPlatform } from './checks/platform.js';
import { assertionFailure, type Credentials } from './credentials.js';
import type { Settings } from './options.js';
import { validatePlatformAssertion } from './platform.js';
import { readJwt, viewOf } from './read.js';
import { copyOf, stricterModes } from './stricter.js';

/** How a client authenticated. */
export interface ClientAuthentication {
  readonly clientId: string;
  readonly method: 'private_key_jwt' | 'client_secret_jwt';
  readonly alg: string;
  /** The `kid` of the key, or the SHA-256 thumbprint of its certificate. */
  readonly keyId: string | undefined;
  /** Which of the server's names `aud` contained. */
  readonly audienceForm: 'issuer' | 'token_endpoint' | 'endpoint' | 'additional';
  /** What each stricter mode would have refused; see `AuthenticationEvent`. */
  readonly wouldFail: NonNullable<AuthenticationEvent['wouldFail']>;
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

export class AssertionPipeline<Client extends AssertionClient> {
  readonly settings: Settings;
  readonly findClient: FindClient<Client>;

  constructor(settings: Settings, findClient: FindClient<Client>) {
    if (typeof findClient !== 'function') {
      throw new TypeError('findClient must be a function that returns the client for a client_id');
    }
    this.settings = settings;
    this.findClient = findClient;
  }

  /** Rejects with a ClientAuthenticationError. */
  authenticate(
    sent: Credentials,
    server: ServerIdentity,
    context: unknown,
  ): Promise<AuthenticatedClient<Client>> {
    const recorder = new AuthenticationRecorder(server, this.settings.onAuthentication);
    return recorder.trace(() => this.validateAndReport(sent, server, context, recorder));
  }

  private async validateAndReport(
    sent: Credentials,
    server: ServerIdentity,
    context: unknown,
    recorder: AuthenticationRecorder,
  ): Promise<AuthenticatedClient<Client>> {
    const { settings, findClient } = this;
    let outcome: Outcome<Client>;
    try {
      outcome = await validateAssertion(sent, server, context, settings, findClient, recorder);
    } catch (cause) {
      outcome = { failure: { reason: 'internal_error', cause } };
    }
    const { failure } = outcome;
    if (failure !== undefined) {
      throw recorder.fail(new ClientAuthenticationError(failure, settings, sent.authorization));
    }
    recorder.succeed();
    return outcome;
  }
}

async function validateAssertion<Client extends AssertionClient>(
  sent: Credentials,
  server: ServerIdentity,
  context: unknown,
  settings: Settings,
  findClient: FindClient<Client>,
  recorder: AuthenticationRecorder,
): Promise<Outcome<Client>> {
  const counted = settings.ignoreAuthorizationHeader ? { ...sent, authorization: false } : sent;
  const wrong = assertionFailure(counted, settings.acceptGrantTypeAsAssertionType);
  if (wrong !== undefined) return { failure: wrong };
  const read = readJwt(sent.client_assertion as string, settings.maxAssertionLength);
  if (read.failure !== undefined) return read;
  const { jws } = read;
  const { claims, typ, timesAsStrings } = viewOf(jws, settings);
  if (recorder.isHeard) noteAssertion(recorder, jws, claims, timesAsStrings);

  const now = Date.now() / 1000;
  const clientIdParameter = sent.client_id as string | undefined;
  const subject: AssertionSubject = { jws, claims, typ, clientIdParameter, server, settings, now };
  if (claims['iss'] !== claims['sub'] && isOfPlatform(subject)) {
    return validatePlatformAssertion(subject, context, settings, findClient, recorder);
  }
  const assertionFault = firstFailure(ASSERTION_CHECKS, subject);
  if (assertionFault !== undefined) return { failure: assertionFault };
  const clientId = claims['iss'] as string;
  const form = audienceForm(subject) as AudienceForm;
  recorder.note({ audienceForm: form });

  const looked = lookUpClient(findClient, clientId, context, settings.lookupTimeout);
  // Only a promise is awaited: an await takes time and memory even for a value that is there.
  const found = isThenable(looked) ? await looked : looked;
  if (found.failure !== undefined) return { failure: found.failure };
  const { client } = found;
  // Written out, because a spread here costs as much as all the checks of claims.
  const clientSubject: ClientSubject = {
    jws,
    claims,
    typ,
    clientIdParameter,
    server,
    settings,
    now,
    client,
  };
  const clientFault = firstFailure(CLIENT_CHECKS, clientSubject);
  if (clientFault !== undefined) return { failure: clientFault };

  const { signer, failure, warnings } = await findSigner({
    jws,
    secrets: client.secrets ?? [],
    now,
    settings,
  });
  if (warnings.length > 0) recorder.warn(...warnings);
  if (failure !== undefined) return { failure };

  const jti = claims['jti'] as string;
  const expiresAt = (claims['exp'] as number) + settings.clockTolerance;
  const used = recordUse({ issuer: server.issuer, clientId, jti, expiresAt }, settings);
  const replay = isThenable(used) ? await used : used;
  if (replay !== undefined) return { failure: replay };

  noteProved(signer.secret, settings.jwksUri);
  const { key, secret, expiresAt: end } = signer;
  const keyId = key.kid ?? key.x5tS256;
  const alg = jws.header['alg'] as string;
  const method = methodOf(alg);
  const wouldFail = stricterModes(clientSubject, timesAsStrings);
  if (recorder.isHeard) {
    recorder.noteSecret(describeSecret(secret), keyId, end, now);
    recorder.note({ method, wouldFail: copyOf(wouldFail) });
  }
  const authentication = { clientId, method, alg, keyId, audienceForm: form, wouldFail, claims };
  return { client, authentication };
}
