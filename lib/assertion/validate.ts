import { type FindClient, lookUpClient } from '../clients/lookup.js';
import type { CompactJws, JsonObject } from '../keys/compact-jws.js';
import { type Candidate, findSigner } from '../keys/find-signer.js';
import { noteProved } from '../keys/key-cache.js';
import { type AssertionClient, describeSecret } from '../keys/secret.js';
import { recordUse } from '../replay/record-use.js';
import type { AuthenticationEvent } from '../shared/events.js';
import type { Failure, Reason } from '../shared/reasons.js';
import { safeText } from '../shared/safe.js';
import { type AudienceForm, audienceForm } from './checks/audience.js';
import {
  ASSERTION_CHECKS,
  CLIENT_CHECKS,
  firstFailure,
  methodOf,
  strictFailures,
} from './checks/claims.js';
import {
  type AssertionInRequest,
  type ClientAssertionParameters,
  readParameters,
} from './parameters.js';
import { readAssertion } from './read.js';
import type { Rules, Settings } from './settings.js';
import type { AssertionSubject, ServerIdentity } from './subject.js';

/** A request with an assertion, and the server that it came to. */
export interface ClientAssertionRequest extends ServerIdentity {
  /** The parsed form. Members that are not about client authentication are ignored. */
  readonly parameters: ClientAssertionParameters;
  /** Whether the request has an Authorization header, a second method. Default false. */
  readonly authorization?: boolean | undefined;
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
  readonly audienceForm: AudienceForm;
  /** What `audience: 'strict'` would have refused; empty where it would have accepted. */
  readonly strictFailures: readonly Reason[];
  readonly claims: JsonObject;
}

/** An authenticated client. */
export interface AuthenticatedClient<Client> {
  readonly client: Client;
  readonly authentication: ClientAuthentication;
}

/** An authenticated client, or why there is none. */
export type Outcome<Client> =
  | (AuthenticatedClient<Client> & { readonly failure?: undefined })
  | { readonly failure: Failure };

/** Takes the assertion out of a request. */
export const readRequest = (
  request: Pick<ClientAssertionRequest, 'parameters' | 'authorization'>,
  settings: Rules,
) =>
  readParameters(request.parameters, {
    authorization: request.authorization === true,
    acceptGrantType: settings.acceptGrantTypeAsAssertionType,
  });

/** What the checks look at, once the assertion has been read. */
export function subjectOf(
  server: ServerIdentity,
  { clientIdParameter }: AssertionInRequest,
  jws: CompactJws,
  settings: Rules,
): AssertionSubject {
  const now = Math.floor(settings.clock() / 1000);
  return { jws, clientIdParameter, server, settings, now };
}

/** From when on an assertion that passed the checks is refused as expired. */
const refusedFrom = ({ jws, settings }: AssertionSubject): number =>
  Math.ceil((jws.claims['exp'] as number) + settings.clockTolerance);

function noteHeader(event: AuthenticationEvent, { header, claims }: CompactJws): void {
  event.clientId = safeText(claims['iss']);
  event.alg = safeText(header['alg']);
  event.typ = safeText(header['typ']);
  event.keyId = safeText(header['kid'] ?? header['x5t#S256'] ?? header['x5t']);
}

/** The `kid` of a key, or the thumbprint of its certificate. */
const keyIdOf = ({ key }: Candidate): string | undefined => key.kid ?? key.x5tS256;

function noteSigner(event: AuthenticationEvent, signer: Candidate, warnBefore: number): void {
  event.secret = describeSecret(signer.secret);
  event.keyId = safeText(keyIdOf(signer)) ?? event.keyId;
  if (signer.expiresAt === undefined) return;
  event.secretExpiresAt = new Date(signer.expiresAt * 1000);
  if (signer.expiresAt >= warnBefore) return;
  event.warnings.push({
    code: 'secret_expiring',
    secret: event.secret,
    message: `The secret expires on ${event.secretExpiresAt.toISOString()}.`,
  });
}

/**
 * The pipeline: read, check, look the client up, check again, choose keys, verify, remember. It
 * stops at the first failure. What it learns on its way goes into the event.
 */
export async function validateAssertion<Client extends AssertionClient>(
  request: ClientAssertionRequest,
  settings: Settings,
  findClient: FindClient<Client>,
  event: AuthenticationEvent,
): Promise<Outcome<Client>> {
  const found = readRequest(request, settings);
  if (found.failure !== undefined) return found;
  const read = readAssertion(found.assertion, settings);
  if (read.failure !== undefined) return read;
  const { jws } = read;
  noteHeader(event, jws);

  const subject = subjectOf(request, found, jws, settings);
  const assertionFailure = firstFailure(ASSERTION_CHECKS, subject);
  if (assertionFailure !== undefined) return { failure: assertionFailure };
  const clientId = jws.claims['iss'] as string;
  const form = audienceForm(subject) as AudienceForm;
  event.audienceForm = form;

  const lookup = lookUpClient(findClient, clientId, request.context, settings.lookupTimeout);
  const { client, failure: lookupFailure } = lookup instanceof Promise ? await lookup : lookup;
  if (lookupFailure !== undefined) return { failure: lookupFailure };
  const { clientIdParameter, now } = subject;
  const clientSubject = { jws, clientIdParameter, server: request, settings, now, client };
  const clientFailure = firstFailure(CLIENT_CHECKS, clientSubject);
  if (clientFailure !== undefined) return { failure: clientFailure };

  const { secrets } = client;
  const search = await findSigner({ jws, secrets: secrets ?? [], now, settings });
  for (const warning of search.warnings) event.warnings.push(warning);
  const { signer, failure } = search;
  if (failure !== undefined) return { failure };

  const use = {
    issuer: request.issuer,
    clientId,
    jti: jws.claims['jti'] as string,
    expiresAt: refusedFrom(subject),
  };
  const recorded = recordUse(use, settings);
  const replay = recorded instanceof Promise ? await recorded : recorded;
  if (replay !== undefined) return { failure: replay };

  noteProved(signer.secret, settings.jwksUri);
  noteSigner(event, signer, subject.now + settings.secretExpiryWarning);
  const method = methodOf(jws.header['alg']);
  event.method = method;
  event.strictFailures = strictFailures(subject);
  return {
    client,
    authentication: {
      clientId,
      method,
      alg: jws.header['alg'] as string,
      keyId: keyIdOf(signer),
      audienceForm: form,
      strictFailures: [...event.strictFailures],
      claims: jws.claims,
    },
  };
}
