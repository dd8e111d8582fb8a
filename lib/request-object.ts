import { type Check, claim, constant, header } from './assertion/check.js';
import { firstFailure } from './assertion/checks.js';
import { decodeCompactJws, type JsonObject } from './assertion/compact-jws.js';
import { HEADER_CHECKS } from './assertion/header-checks.js';
import { searchSigner } from './assertion/search-signer.js';
import type { JwtSubject } from './assertion/subject.js';
import { lifetime, TIME_CHECKS } from './assertion/time-checks.js';
import { REQUEST_OBJECT_TYP, typOf } from './assertion/typ.js';
import { RequestObjectError } from './errors.js';
import type { Failure } from './reasons.js';
import { ALGORITHMS, type Algorithm, isSameAlgorithm } from './secrets/algorithms.js';
import { type RemoteJwkSets, sharedJwkSets } from './secrets/jwks-uri.js';
import { KeyCache } from './secrets/key-cache.js';
import type { AssertionClient } from './secrets/secret.js';

/** A request object, and whom it must come from and go to. Times are in seconds. */
export interface RequestObjectOptions {
  /** The value of the `request` parameter. */
  readonly request: string;
  /** The client that the `client_id` parameter next to it names. */
  readonly client: AssertionClient;
  /** The issuer identifier of the authorization server, which `aud` must name. */
  readonly issuer: string;
  /** Requires `typ` `oauth-authz-req+jwt` and the issuer as the sole audience. Default false. */
  readonly strict?: boolean | undefined;
  /** The `alg` values accepted. Default: all of `ALGORITHMS`; HS* need a symmetric secret. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** How far clocks may differ. Default 60. */
  readonly clockTolerance?: number | undefined;
  /** The longest that a request object may be valid for. Default 3600. */
  readonly maxLifetime?: number | undefined;
  /** In characters; a longer request object is not decoded. Default 65536. */
  readonly maxLength?: number | undefined;
  /** Whether the validity period of a certificate counts as its secret's. Default true. */
  readonly certificateValidity?: boolean | undefined;
  /** Fetches and keeps the keys of clients with a `jwks_uri`. Default: one for all calls. */
  readonly jwksUri?: RemoteJwkSets | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

/** A request object whose signature and claims are valid. */
export interface RequestObject {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  /**
   * The authorization request: the claims that are not about the JWT itself. Only these count, not
   * the parameters next to `request` (RFC 9101 §6.3).
   */
  readonly parameters: JsonObject;
}

interface RequestObjectSubject extends JwtSubject {
  readonly client: AssertionClient;
  readonly issuer: string;
  readonly strict: boolean;
  readonly maxLifetime: number;
}

const audiences = ({ jws }: JwtSubject): readonly unknown[] => [jws.claims['aud']].flat();

const REQUEST_OBJECT_CHECKS: readonly Check<RequestObjectSubject>[] = [
  ...HEADER_CHECKS,
  {
    name: 'typ',
    source: 'RFC 9101 §10.8',
    reason: 'typ_not_allowed',
    passes: ({ jws, strict }) => {
      const typ = typOf(jws.header);
      return typ === REQUEST_OBJECT_TYP || (!strict && (typ === undefined || typ === 'jwt'));
    },
    expected: ({ strict }) => (strict ? REQUEST_OBJECT_TYP : ['absent', 'JWT', REQUEST_OBJECT_TYP]),
    actual: header('typ'),
  },
  {
    name: 'iss',
    source: 'RFC 9101 §4',
    reason: 'request_object_issuer_mismatch',
    passes: ({ jws, client }) => jws.claims['iss'] === client.clientId,
    expected: ({ client }) => client.clientId,
    actual: claim('iss'),
  },
  {
    name: 'aud',
    source: 'RFC 9101 §4',
    reason: 'audience_mismatch',
    passes: (subject) => {
      const values = audiences(subject);
      return values.includes(subject.issuer) && !(subject.strict && values.length > 1);
    },
    expected: ({ issuer }) => issuer,
    actual: claim('aud'),
  },
  {
    name: 'client_id',
    source: 'RFC 9101 §6.3',
    reason: 'request_object_client_mismatch',
    passes: ({ jws, client }) => jws.claims['client_id'] === client.clientId,
    expected: ({ client }) => client.clientId,
    actual: claim('client_id'),
  },
  {
    name: 'sub',
    source: 'RFC 9101 §10.8',
    reason: 'request_object_subject_present',
    passes: ({ jws, client }) => jws.claims['sub'] !== client.clientId,
    expected: constant('absent'),
    actual: claim('sub'),
  },
  {
    name: 'request and request_uri',
    source: 'RFC 9101 §4',
    reason: 'request_object_nested',
    passes: ({ jws }) =>
      !Object.hasOwn(jws.claims, 'request') && !Object.hasOwn(jws.claims, 'request_uri'),
    expected: constant('absent'),
    actual: ({ jws }) => ['request', 'request_uri'].filter((name) => name in jws.claims),
  },
  ...TIME_CHECKS,
  {
    name: 'lifetime',
    source: 'RFC 9101 §10.2',
    reason: 'lifetime_too_long',
    passes: (subject) => lifetime(subject) <= subject.maxLifetime,
    expected: ({ maxLifetime }) => `<= ${maxLifetime}`,
    actual: lifetime,
  },
  {
    name: 'client is enabled',
    source: 'RFC 6749 §4.1.2.1',
    reason: 'client_disabled',
    passes: ({ client }) => !client.disabled,
    expected: constant('enabled'),
    actual: constant('disabled'),
  },
  {
    name: 'alg of the client',
    source: 'RFC 9101 §10.1',
    reason: 'client_algorithm_mismatch',
    passes: ({ client, jws }) =>
      client.requestObjectSigningAlg === undefined ||
      isSameAlgorithm(client.requestObjectSigningAlg, jws.header['alg']),
    expected: ({ client }) => client.requestObjectSigningAlg ?? 'any',
    actual: header('alg'),
  },
];

/** The claims that are about the JWT itself and no parameters of the authorization request. */
const JWT_CLAIMS = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sub']);

const refuse = (failure: Failure): never => {
  throw new RequestObjectError(failure);
};

/**
 * Validates a request object (JAR, RFC 9101) with the secrets that the client authenticates with.
 *
 * @example
 * ```ts
 * const { parameters } = await validateRequestObject({ request, client, issuer });
 * ```
 * @throws {RequestObjectError} `invalid_request_object`, with the reason for the operator
 */
export async function validateRequestObject(options: RequestObjectOptions): Promise<RequestObject> {
  const { request, client, issuer, strict = false, maxLifetime = 3600 } = options;
  const { maxLength = 65_536, certificateValidity = true, clock = Date.now } = options;
  if (request.length > maxLength) {
    return refuse({ reason: 'assertion_too_long', expected: `<= ${maxLength} characters` });
  }
  const jws = decodeCompactJws(request);
  if (jws === undefined) return refuse({ reason: 'assertion_malformed' });

  const now = Math.floor(clock() / 1000);
  const settings = {
    algorithms: new Set<string>(options.algorithms ?? ALGORITHMS),
    clockTolerance: options.clockTolerance ?? 60,
  };
  const subject = { jws, settings, now, client, issuer, strict, maxLifetime };
  const broken = firstFailure(REQUEST_OBJECT_CHECKS, subject);
  if (broken !== undefined) return refuse(broken);

  const { failure } = await searchSigner(jws, client, now, {
    keys: new KeyCache(),
    certificateValidity,
    jwksUri: options.jwksUri ?? sharedJwkSets(),
  });
  if (failure !== undefined) return refuse(failure);
  const parameters = Object.fromEntries(
    Object.entries(jws.claims).filter(([name]) => !JWT_CLAIMS.has(name)),
  );
  return { header: jws.header, claims: jws.claims, parameters };
}
