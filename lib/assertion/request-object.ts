import { decodeCompactJws, type JsonObject } from '../keys/compact-jws.js';
import { findSigner } from '../keys/find-signer.js';
import { RemoteJwkSets, sharedJwkSets } from '../keys/jwks-uri.js';
import { KeyCache } from '../keys/key-cache.js';
import type { AssertionClient } from '../keys/secret.js';
import type { Algorithm } from '../shared/algorithms.js';
import { RequestObjectError } from '../shared/errors.js';
import {
  assertKnownOptions,
  callback,
  flag,
  number,
  type OptionNames,
} from '../shared/option-checks.js';
import type { Failure } from '../shared/reasons.js';
import { firstFailure } from './checks/claims.js';
import { REQUEST_OBJECT_CHECKS } from './checks/request-object.js';
import { algorithmSet } from './settings.js';

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

const OPTIONS: OptionNames<RequestObjectOptions> = {
  request: true,
  client: true,
  issuer: true,
  strict: true,
  algorithms: true,
  clockTolerance: true,
  maxLifetime: true,
  maxLength: true,
  certificateValidity: true,
  jwksUri: true,
  clock: true,
};

const HINTS = {
  audience: 'it is the issuer; strict: true allows no other beside it',
  maxAssertionLength: 'use maxLength',
};

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

/** The claims that are about the JWT itself and no parameters of the authorization request. */
const JWT_CLAIMS = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sub']);

/** Shared by all calls, so that a key is imported once. */
const importedKeys = new KeyCache();

const refuse = (failure: Failure): never => {
  throw new RequestObjectError(failure);
};

/** The options, checked and with their defaults. */
function settingsFrom(options: RequestObjectOptions) {
  assertKnownOptions('validateRequestObject', options, OPTIONS, HINTS);
  const { jwksUri } = options;
  if (jwksUri !== undefined && !(jwksUri instanceof RemoteJwkSets)) {
    throw new TypeError('jwksUri must be a RemoteJwkSets, which keeps keys from call to call');
  }
  if (typeof options.issuer !== 'string' || options.issuer === '') {
    throw new TypeError('issuer must be the issuer identifier, a URL');
  }
  return {
    algorithms: algorithmSet(options.algorithms),
    strict: flag('strict', options.strict, false),
    clockTolerance: number('clockTolerance', options.clockTolerance, 60, 0),
    maxLifetime: number('maxLifetime', options.maxLifetime, 3600, 1),
    maxLength: number('maxLength', options.maxLength, 65_536, 1),
    certificateValidity: flag('certificateValidity', options.certificateValidity, true),
    clock: callback('clock', options.clock) ?? Date.now,
    keys: importedKeys,
    jwksUri: jwksUri ?? sharedJwkSets(),
  };
}

/**
 * Validates a request object (JAR, RFC 9101) with the secrets that the client authenticates with.
 *
 * @example
 * ```ts
 * const { parameters } = await validateRequestObject({ request: jwt, client, issuer });
 * ```
 * @throws {RequestObjectError} `invalid_request_object`, with the reason for the operator
 * @throws {TypeError} where an option is wrong
 */
export async function validateRequestObject(options: RequestObjectOptions): Promise<RequestObject> {
  const { request, client, issuer } = options;
  const settings = settingsFrom(options);
  const { maxLength, strict, maxLifetime } = settings;
  if (typeof request !== 'string') return refuse({ reason: 'assertion_malformed' });
  if (request.length > maxLength) {
    return refuse({
      reason: 'assertion_too_long',
      expected: `<= ${maxLength} characters`,
      actual: request.length,
    });
  }
  const jws = decodeCompactJws(request);
  if (jws === undefined) return refuse({ reason: 'assertion_malformed' });

  const now = Math.floor(settings.clock() / 1000);
  const subject = { jws, settings, now, client, issuer, strict, maxLifetime };
  const broken = firstFailure(REQUEST_OBJECT_CHECKS, subject);
  if (broken !== undefined) return refuse(broken);
  const { failure } = await findSigner({ jws, secrets: client.secrets ?? [], now, settings });
  if (failure !== undefined) return refuse(failure);

  const parameters = Object.fromEntries(
    Object.entries(jws.claims).filter(([name]) => !JWT_CLAIMS.has(name)),
  );
  return { header: jws.header, claims: jws.claims, parameters };
}
