import type { AssertionClient } from '../../keys/secret.js';
import { REQUEST_OBJECT_TYP } from '../../shared/jose.js';
import { isSameUrl } from './audience.js';
import { type Check, claim, constant, header, type JwtSubject } from './check.js';
import { algorithmCheck, ENABLED_CHECK } from './client.js';
import { HEADER_CHECKS, typOf } from './header.js';
import { lifetime, TIME_CHECKS } from './times.js';

/** In seconds: for the age of `nbf`, and from `nbf` to `exp` (FAPI 2.0 Message Signing §5.3.1). */
const FAPI2_SPAN = 3600;

export interface RequestObjectSubject extends JwtSubject {
  readonly client: AssertionClient;
  readonly issuer: string;
  readonly state: string | undefined;
  readonly settings: {
    readonly algorithms: ReadonlySet<string>;
    readonly clockTolerance: number;
    readonly maxLifetime: number;
    readonly profile: 'fapi2' | undefined;
    readonly requireTyp: boolean;
    readonly requireExpiration: boolean;
    readonly requireNotBefore: boolean;
    readonly requireClaims: readonly string[];
    readonly ignoreTrailingSlash: boolean;
  };
}

const nested = ({ claims }: JwtSubject): readonly string[] =>
  ['request', 'request_uri'].filter((name) => Object.hasOwn(claims, name));

const missing = ({ claims, settings }: RequestObjectSubject): readonly string[] =>
  settings.requireClaims.filter((name) => !Object.hasOwn(claims, name));

const nbfOf = ({ claims }: JwtSubject): number =>
  typeof claims['nbf'] === 'number' ? claims['nbf'] : Number.NaN;

/** `maxLifetime` always applies. If `nbf` is required, `exp` must also be close to `nbf`. */
function isLifetimeKept(subject: RequestObjectSubject): boolean {
  const { claims, settings } = subject;
  const { exp } = claims;
  if (typeof exp !== 'number') return true;
  if (settings.requireNotBefore && exp - nbfOf(subject) > FAPI2_SPAN) return false;
  return lifetime(subject) <= settings.maxLifetime + settings.clockTolerance;
}

const ifPresent = (name: string, check: Check<JwtSubject>): Check<RequestObjectSubject> => ({
  ...check,
  passes: (subject) =>
    (subject.claims[name] === undefined && !subject.settings.requireExpiration) ||
    check.passes(subject),
});

const IF_PRESENT: readonly string[] = ['exp is a number', 'exp is in the future'];

/** RFC 9101, in reporting order. */
export const REQUEST_OBJECT_CHECKS: readonly Check<RequestObjectSubject>[] = [
  ...HEADER_CHECKS,
  {
    name: 'typ',
    source: 'RFC 9101 §10.8',
    reason: 'typ_not_allowed',
    passes: ({ jws, settings }) => {
      const typ = typOf(jws.header);
      const isPlain = typ === undefined || typ === 'jwt';
      return typ === REQUEST_OBJECT_TYP || (!settings.requireTyp && isPlain);
    },
    expected: ({ settings }) =>
      settings.requireTyp ? REQUEST_OBJECT_TYP : ['absent', 'JWT', REQUEST_OBJECT_TYP],
    actual: header('typ'),
  },
  {
    name: 'iss',
    source: 'RFC 9101 §4',
    reason: 'request_object_issuer_mismatch',
    passes: ({ claims, client }) => claims['iss'] === client.clientId,
    expected: ({ client }) => client.clientId,
    actual: claim('iss'),
  },
  {
    name: 'aud',
    source: 'RFC 9101 §4',
    reason: 'audience_mismatch',
    passes: ({ claims, issuer, settings }) =>
      [claims['aud']].flat().some((aud) => isSameUrl(aud, issuer, settings.ignoreTrailingSlash)),
    expected: ({ issuer }) => issuer,
    actual: claim('aud'),
  },
  {
    name: 'client_id',
    source: 'RFC 9101 §6.3',
    reason: 'request_object_client_mismatch',
    passes: ({ claims, client }) => claims['client_id'] === client.clientId,
    expected: ({ client }) => client.clientId,
    actual: claim('client_id'),
  },
  {
    name: 'sub',
    source: 'RFC 9101 §10.8',
    reason: 'request_object_subject_present',
    passes: ({ claims, client }) => claims['sub'] !== client.clientId,
    expected: constant('absent'),
    actual: claim('sub'),
  },
  {
    name: 'request and request_uri',
    source: 'RFC 9101 §4',
    reason: 'request_object_nested',
    passes: (subject) => nested(subject).length === 0,
    expected: constant('absent'),
    actual: nested,
  },
  {
    name: 'state outside',
    source: 'RFC 9101 §6.3, OpenID Connect Core §6.1',
    reason: 'request_object_state_outside',
    passes: ({ state, claims, settings }) =>
      state === undefined || settings.profile !== 'fapi2' || claims['state'] === state,
    expected: constant('state inside the request object'),
    actual: constant('state outside'),
  },
  {
    name: 'required claims',
    source: 'OpenID Connect CIBA Core §7.1.1',
    reason: 'claim_missing',
    passes: (subject) => missing(subject).length === 0,
    expected: ({ settings }) => settings.requireClaims,
    actual: (subject) => missing(subject).map((name) => `${name} is missing`),
  },
  ...TIME_CHECKS.map((check) =>
    IF_PRESENT.includes(check.name) ? ifPresent('exp', check) : check,
  ),
  {
    name: 'nbf is present',
    source: 'FAPI 2.0 Message Signing §5.3.1',
    reason: 'not_before_invalid',
    passes: ({ claims, settings }) =>
      !settings.requireNotBefore || typeof claims['nbf'] === 'number',
    expected: constant('a number'),
    actual: claim('nbf'),
  },
  {
    name: 'nbf is not too old',
    source: 'FAPI 2.0 Message Signing §5.3.1',
    reason: 'not_before_too_old',
    passes: (subject) =>
      !subject.settings.requireNotBefore || nbfOf(subject) >= subject.now - FAPI2_SPAN,
    expected: ({ now }) => `>= ${now - FAPI2_SPAN}`,
    actual: claim('nbf'),
  },
  {
    name: 'lifetime',
    source: 'RFC 9101 §10.2, FAPI 2.0 Message Signing §5.3.1',
    reason: 'lifetime_too_long',
    passes: isLifetimeKept,
    expected: ({ settings }) => `<= ${settings.maxLifetime + settings.clockTolerance}`,
    actual: lifetime,
  },
  ENABLED_CHECK,
  algorithmCheck('requestObjectSigningAlg', 'RFC 9101 §10.1'),
];
