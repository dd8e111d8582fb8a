import { ConfigurationError } from '../shared/errors.js';
import {
  ALGORITHMS,
  type Algorithm,
  FAPI2_ALGORITHMS,
  isAlgorithm,
  plainType,
} from '../shared/jose.js';
import {
  flag,
  number,
  type OptionTable,
  type Reader,
  readOptions,
  type Settings as SettingsOf,
  texts,
} from '../shared/options.js';

// Rules for an assertion that do not depend on the client. A browser may run this file: import
// nothing that leads to node:crypto or the network.

/** Rules shared by client assertions and request objects. Times are in seconds. */
export interface JwtRuleOptions {
  /**
   * `fapi2` applies the FAPI 2.0 rules: only PS256, ES256 and EdDSA. Assertions (Security Profile)
   * also get `audience: 'issuer-string'`. Request objects (Message Signing) also get the rules of
   * `requireNotBefore`. An option that weakens these rules is a ConfigurationError. Default: no
   * profile.
   */
  readonly profile?: 'fapi2' | undefined;
  /** Accepts an `aud` that differs by one final slash. Default false. */
  readonly ignoreTrailingSlash?: boolean | undefined;
  /**
   * Requires an explicit `typ`. In assertions: `client-authentication+jwt` or one of
   * `additionalTypes`; RFC 10070 §4 advises against it, because most client libraries send none. In
   * request objects: `oauth-authz-req+jwt`. Default false.
   */
  readonly requireTyp?: boolean | undefined;
  /**
   * The accepted `alg` values. Default: RS, PS and ES with 256, 384 and 512, EdDSA, Ed25519, ML-DSA
   * if this Node can verify it, and HS with 256, 384 and 512 for symmetric secrets.
   */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** How far clocks may differ. Default 60. */
  readonly clockTolerance?: number | undefined;
  /**
   * Not counting the tolerance. In assertions, a client's `maxLifetime` overrides it. Default 3600;
   * in assertions with another `audience` than `compatible`, 600.
   */
  readonly maxLifetime?: number | undefined;
}

/** Options for the rules that do not depend on the client. Times are in seconds. */
export interface RuleOptions extends JwtRuleOptions {
  /**
   * `compatible` (default): `aud` contains the issuer, the token endpoint or the URL of the called
   * endpoint. `issuer`: only the issuer, as a string or as an array with one entry (RFC 10070).
   * `issuer-string`: only the issuer, as a string (FAPI 2.0).
   */
  readonly audience?: 'compatible' | 'issuer' | 'issuer-string' | undefined;
  /** More values of `aud` that `compatible` accepts. */
  readonly additionalAudiences?: readonly string[] | undefined;
  /** More explicit values of `typ`, for profiles that define their own. */
  readonly additionalTypes?: readonly string[] | undefined;
  /** In characters; longer assertions are refused without decoding. Default 16384. */
  readonly maxAssertionLength?: number | undefined;
  /**
   * Also accepts `urn:ietf:params:oauth:grant-type:jwt-bearer` as `client_assertion_type`, which
   * some clients send by mistake. Default false.
   */
  readonly acceptGrantTypeAsAssertionType?: boolean | undefined;
}

/** In seconds (FAPI 2.0 Security Profile §5.3.2.1). */
const FAPI2_TOLERANCE = { least: 10, most: 60 };

const algorithms: Reader<ReadonlySet<string> | undefined> = (name, value) => {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError(`${name} must be a non-empty array`);
  }
  const unknown: unknown = value.find((algorithm) => !isAlgorithm(algorithm));
  if (unknown === undefined) return new Set(value as string[]);
  throw new TypeError(
    `${name} has ${JSON.stringify(unknown)}: choose from ${ALGORITHMS.join(', ')}`,
  );
};

const profile: Reader<'fapi2' | undefined> = (name, value) => {
  if (value === undefined || value === 'fapi2') return value;
  throw new TypeError(`${name} must be 'fapi2', or left out`);
};

const audienceMode: Reader<'compatible' | 'issuer' | 'issuer-string' | undefined> = (
  name,
  value,
) => {
  if (value === undefined) return undefined;
  if (value === 'compatible' || value === 'issuer' || value === 'issuer-string') return value;
  throw new TypeError(
    `${name} must be 'compatible', 'issuer' or 'issuer-string'; put more accepted values into additionalAudiences`,
  );
};

/** Option names of other libraries. */
export const CLIENT_ASSERTION_HINTS = {
  strict: "use audience: 'issuer'",
  clockSkew: 'use clockTolerance',
  clock: 'the time is Date.now(), which fake timers replace',
};

export const JWT_RULE_OPTIONS = {
  profile,
  ignoreTrailingSlash: flag(false),
  requireTyp: flag(false),
  algorithms,
  clockTolerance: number(60, 0),
  maxLifetime: (name, value) => (value === undefined ? undefined : number(0, 1)(name, value)),
} satisfies OptionTable<JwtRuleOptions>;

export const RULE_OPTIONS = {
  ...JWT_RULE_OPTIONS,
  audience: audienceMode,
  additionalAudiences: texts(),
  additionalTypes: (name, value) => new Set(texts()(name, value).map(plainType)),
  maxAssertionLength: number(16_384, 1),
  acceptGrantTypeAsAssertionType: flag(false),
} satisfies OptionTable<RuleOptions>;

export type Rules = ReturnType<typeof rulesFrom>;

const FAPI2_LIMITS: readonly (readonly [(given: Fapi2Options) => boolean, string])[] = [
  [
    ({ audience }) => (audience ?? 'issuer-string') !== 'issuer-string',
    "audience must be 'issuer-string'",
  ],
  [
    ({ algorithms }) =>
      [...(algorithms ?? [])].some((alg) => !FAPI2_ALGORITHMS.has(alg as Algorithm)),
    `algorithms may have only ${[...FAPI2_ALGORITHMS].join(', ')}`,
  ],
  [
    ({ clockTolerance }) =>
      clockTolerance < FAPI2_TOLERANCE.least || clockTolerance > FAPI2_TOLERANCE.most,
    `clockTolerance must be from ${FAPI2_TOLERANCE.least} to ${FAPI2_TOLERANCE.most}`,
  ],
  [({ ignoreTrailingSlash }) => ignoreTrailingSlash, 'ignoreTrailingSlash may not be true'],
  [
    ({ acceptGrantTypeAsAssertionType }) => acceptGrantTypeAsAssertionType === true,
    'acceptGrantTypeAsAssertionType may not be true',
  ],
  [({ requireNotBefore }) => requireNotBefore === false, 'requireNotBefore may not be false'],
  [({ requireExpiration }) => requireExpiration === false, 'requireExpiration may not be false'],
];

interface Fapi2Options {
  readonly audience?: string | undefined;
  readonly algorithms: ReadonlySet<string> | undefined;
  readonly clockTolerance: number;
  readonly ignoreTrailingSlash: boolean;
  readonly acceptGrantTypeAsAssertionType?: boolean;
  readonly requireNotBefore?: boolean | undefined;
  readonly requireExpiration?: boolean;
}

export function assertKeepsFapi2(given: Fapi2Options): void {
  const broken = FAPI2_LIMITS.find(([weakens]) => weakens(given));
  if (broken === undefined) return;
  throw new ConfigurationError(`With profile 'fapi2', ${broken[1]}: leave the option out.`);
}

export function rulesFrom(given: SettingsOf<typeof RULE_OPTIONS>) {
  if (given.profile === 'fapi2') assertKeepsFapi2(given);
  const audience = given.audience ?? (given.profile === 'fapi2' ? 'issuer-string' : 'compatible');
  if (audience !== 'compatible' && given.additionalAudiences.length > 0) {
    throw new TypeError(
      "additionalAudiences has an effect only with audience 'compatible': remove it",
    );
  }
  const defaultAlgorithms = given.profile === 'fapi2' ? FAPI2_ALGORITHMS : ALGORITHMS;
  return {
    ...given,
    audience,
    algorithms: given.algorithms ?? (new Set(defaultAlgorithms) as ReadonlySet<string>),
    maxLifetime: given.maxLifetime ?? (audience === 'compatible' ? 3600 : 600),
  };
}

export const readRules = (owner: string, options: RuleOptions): Rules =>
  rulesFrom(readOptions(owner, options, RULE_OPTIONS, CLIENT_ASSERTION_HINTS));
