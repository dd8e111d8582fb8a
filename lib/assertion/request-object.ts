import type { JsonObject } from '../keys/compact-jws.js';
import { findSigner } from '../keys/find-signer.js';
import { RemoteJwkSets, sharedJwkSets } from '../keys/jwks-uri.js';
import { KeyCache } from '../keys/key-cache.js';
import type { AssertionClient } from '../keys/secret.js';
import { RequestObjectError } from '../shared/errors.js';
import { ALGORITHMS, FAPI2_ALGORITHMS } from '../shared/jose.js';
import {
  type ArgumentTable,
  flag,
  type OptionTable,
  type Reader,
  readOptions,
  requiredText,
  text,
  texts,
  unchecked,
} from '../shared/options.js';
import type { Failure } from '../shared/reasons.js';
import { firstFailure } from './checks/check.js';
import { REQUEST_OBJECT_CHECKS, type RequestObjectSubject } from './checks/request-object.js';
import { CLIENT_ASSERTION_OPTIONS, type ClientAssertionOptions } from './options.js';
import { readJwt } from './read.js';
import { assertKeepsFapi2, JWT_RULE_OPTIONS, type JwtRuleOptions } from './rules.js';

interface RequestObjectArguments {
  /** The value of the `request` parameter. */
  readonly request: string;
  /** Named by the `client_id` parameter of the same request. */
  readonly client: AssertionClient;
  /** The authorization server, which `aud` must name. */
  readonly issuer: string;
  /**
   * The `state` parameter of the same request. Used if the object has no `state` (OpenID Connect
   * Core §6.1); refused with `profile: 'fapi2'`.
   */
  readonly state?: string | undefined;
}

/** Options for validating request objects. Times are in seconds. */
interface RequestObjectOptions
  extends JwtRuleOptions,
    Pick<ClientAssertionOptions, 'certificateValidity'> {
  /** Refuses a request object without `exp`. Default true. */
  readonly requireExpiration?: boolean | undefined;
  /** Requires `nbf`, at most an hour old, and `exp` at most an hour after `nbf`. Default false. */
  readonly requireNotBefore?: boolean | undefined;
  /** More claims that are required, such as `iat`, `jti` and `nbf` for CIBA. Default none. */
  readonly requireClaims?: readonly string[] | undefined;
  /** Fetches and keeps keys from a `jwks_uri`. Default: one instance shared by all calls. */
  readonly jwksUri?: RemoteJwkSets | undefined;
}

const jwkSets: Reader<RemoteJwkSets> = (name, value) => {
  if (value === undefined) return sharedJwkSets();
  if (value instanceof RemoteJwkSets) return value;
  throw new TypeError(`${name} must be a RemoteJwkSets, which keeps keys from call to call`);
};

const clientReader: Reader<AssertionClient> = (name, value) => {
  const { clientId } = Object(value) as Partial<AssertionClient>;
  if (typeof clientId === 'string' && clientId !== '') return value as AssertionClient;
  // Without an id, an object that names no client would fit.
  throw new TypeError(`${name} must be the client, with its clientId and secrets`);
};

const ARGUMENTS = {
  request: unchecked<unknown>(),
  client: clientReader,
  issuer: requiredText,
  state: text(undefined),
} satisfies ArgumentTable<RequestObjectArguments>;

const OPTIONS = {
  ...JWT_RULE_OPTIONS,
  requireExpiration: flag(true),
  requireNotBefore: (name, value) => (value === undefined ? undefined : flag(false)(name, value)),
  requireClaims: texts(),
  certificateValidity: CLIENT_ASSERTION_OPTIONS.certificateValidity,
  jwksUri: jwkSets,
} satisfies OptionTable<RequestObjectOptions>;

/** In characters. */
const MAX_LENGTH = 65_536;

const HINTS = {
  strict: "use requireTyp, or profile: 'fapi2'",
  audience: 'it is the issuer',
};

/** A request object with a valid signature and valid claims. */
export interface RequestObject {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /**
   * All claims that do not describe the JWT itself, and the `state` parameter if the object has no
   * `state`. Ignore the other parameters next to `request` (RFC 9101 §6.3).
   */
  readonly parameters: Readonly<Record<string, unknown>>;
}

const JWT_CLAIMS = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sub']);

/** Each key is imported once. */
const importedKeys = new KeyCache();

const refuse = (failure: Failure): never => {
  throw new RequestObjectError(failure);
};

function settingsFrom(options: RequestObjectArguments & RequestObjectOptions) {
  const given = readOptions('validateRequestObject', options, { ...ARGUMENTS, ...OPTIONS }, HINTS);
  const isFapi2 = given.profile === 'fapi2';
  if (isFapi2) assertKeepsFapi2(given);
  const defaultAlgorithms = new Set<string>(isFapi2 ? FAPI2_ALGORITHMS : ALGORITHMS);
  return {
    ...given,
    algorithms: given.algorithms ?? defaultAlgorithms,
    requireNotBefore: given.requireNotBefore ?? isFapi2,
    maxLifetime: given.maxLifetime ?? 3600,
    keys: importedKeys,
  };
}

function parametersOf(claims: JsonObject, state: string | undefined): JsonObject {
  const parameters = Object.fromEntries(
    Object.entries(claims).filter(([name]) => !JWT_CLAIMS.has(name)),
  );
  return state === undefined || Object.hasOwn(parameters, 'state')
    ? parameters
    : { ...parameters, state };
}

/**
 * Validates a request object (JAR, RFC 9101) against the client's secrets.
 * @example
 * ```ts
 * const { parameters } = await validateRequestObject({ request: jwt, client, issuer });
 * ```
 * @throws {RequestObjectError} `invalid_request_object`, with the reason for the operator
 * @throws {TypeError | ConfigurationError} if an option is wrong
 */
export async function validateRequestObject(
  options: RequestObjectArguments & RequestObjectOptions,
): Promise<RequestObject> {
  const settings = settingsFrom(options);
  const { request, client, issuer, state } = settings;
  if (typeof request !== 'string') {
    return refuse({ reason: 'assertion_malformed', expected: 'a string', actual: typeof request });
  }
  const read = readJwt(request, MAX_LENGTH);
  if (read.failure !== undefined) return refuse(read.failure);
  const { jws } = read;
  const { header, claims } = jws;

  const now = Date.now() / 1000;
  const subject: RequestObjectSubject = { jws, claims, settings, now, client, issuer, state };
  const broken = firstFailure(REQUEST_OBJECT_CHECKS, subject);
  if (broken !== undefined) return refuse(broken);
  const { failure } = await findSigner({ jws, secrets: client.secrets ?? [], now, settings });
  if (failure !== undefined) return refuse(failure);
  return { header, claims, parameters: parametersOf(claims, state) };
}
