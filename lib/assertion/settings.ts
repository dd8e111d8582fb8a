import type { AuthenticationEvent } from '../diagnostics.js';
import { callback, flag, number } from '../option-checks.js';
import { MemoryReplayStore } from '../replay/memory.js';
import type { ReplayStore } from '../replay/store.js';
import { ALGORITHMS, type Algorithm, isAlgorithm } from '../secrets/algorithms.js';
import { type JwksUriOptions, RemoteJwkSets } from '../secrets/jwks-uri.js';
import { DEFAULT_MAX_KEYS, KeyCache } from '../secrets/key-cache.js';
import { SignerHints } from '../secrets/signer-hints.js';

/** Options of the validation of client assertions. Times are in seconds. */
export interface ClientAssertionOptions {
  /**
   * Which `aud` is accepted. `compatible` (default): the issuer, the token endpoint or the URL of
   * the endpoint being called, alone or among others. `strict`: the issuer identifier alone, and
   * `typ` must be `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis).
   */
  readonly audience?: 'compatible' | 'strict' | undefined;
  /** Further values of `aud` that `compatible` accepts. Default none. */
  readonly additionalAudiences?: readonly string[] | undefined;
  /** Lets `aud` differ by one slash at its end in `compatible`. Default false. */
  readonly ignoreTrailingSlash?: boolean | undefined;
  /** The `alg` values accepted. Default: all of `ALGORITHMS`; HS* need a symmetric secret. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** How far clocks may differ. Default 60. */
  readonly clockTolerance?: number | undefined;
  /** The longest that an assertion may be valid for. Default 600. A client's own goes first. */
  readonly maxLifetime?: number | undefined;
  /** In characters; a longer assertion is not decoded. Default 16384. */
  readonly maxAssertionLength?: number | undefined;
  /** Remembers used assertions. Default a `MemoryReplayStore`, which serves one process. */
  readonly replay?: ReplayStore | undefined;
  /** How long the replay store may take before the request fails closed. Default 2. */
  readonly replayTimeout?: number | undefined;
  /** How long the lookup of a client may take before the request fails closed. Default 10. */
  readonly lookupTimeout?: number | undefined;
  /**
   * How many imported keys of clients are kept in memory, 2 to 4 kB each. Where more are in use they
   * are imported again and again. Default 10,000.
   */
  readonly maxCachedKeys?: number | undefined;
  /** Whether the validity period of a certificate counts as its secret's. Default true. */
  readonly certificateValidity?: boolean | undefined;
  /**
   * How the keys of clients with a `jwks_uri` are fetched and kept; or a `RemoteJwkSets`, so that
   * others can share it.
   */
  readonly jwksUri?: JwksUriOptions | RemoteJwkSets | undefined;
  /** Reports a secret in use that expires within this time. Default 30 days; 0 for never. */
  readonly secretExpiryWarning?: number | undefined;
  /**
   * Also takes `urn:ietf:params:oauth:grant-type:jwt-bearer` as `client_assertion_type`, which
   * some clients send by mistake. Default false.
   */
  readonly acceptGrantTypeAsAssertionType?: boolean | undefined;
  /** Tells callers the precise reason of a refusal. Default false: it helps attackers too. */
  readonly detailedErrors?: boolean | undefined;
  /**
   * Called once for each authentication, successful or not. What it throws, or rejects with, becomes
   * a process warning and nothing else.
   */
  readonly onAuthentication?: ((event: AuthenticationEvent) => unknown) | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

/** What an assertion is held to by itself, whoever its client is; checked and with the defaults. */
export interface Rules {
  readonly audience: 'compatible' | 'strict';
  readonly additionalAudiences: readonly string[];
  readonly ignoreTrailingSlash: boolean;
  readonly algorithms: ReadonlySet<string>;
  readonly clockTolerance: number;
  readonly maxLifetime: number;
  readonly maxAssertionLength: number;
  readonly acceptGrantTypeAsAssertionType: boolean;
  readonly clock: () => number;
}

/** The options, checked and with their defaults. */
export interface Settings extends Rules {
  readonly replay: ReplayStore;
  readonly replayTimeout: number;
  readonly lookupTimeout: number;
  readonly certificateValidity: boolean;
  readonly secretExpiryWarning: number;
  readonly detailedErrors: boolean;
  readonly onAuthentication: ((event: AuthenticationEvent) => unknown) | undefined;
  readonly keys: KeyCache;
  readonly hints: SignerHints;
  readonly jwksUri: RemoteJwkSets;
}

function audienceMode(value: unknown): 'compatible' | 'strict' {
  if (value === undefined) return 'compatible';
  if (value === 'compatible' || value === 'strict') return value;
  throw new TypeError(
    "audience must be 'compatible' or 'strict'; further accepted values go into additionalAudiences",
  );
}

function audiences(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const isList = Array.isArray(value) && value.every((v) => typeof v === 'string' && v !== '');
  if (isList) return [...value];
  throw new TypeError('additionalAudiences must be an array of non-empty strings');
}

/** @throws {TypeError} where one is not known, or there is none */
export function algorithmSet(value: readonly unknown[] | undefined): ReadonlySet<string> {
  if (value === undefined) return new Set(ALGORITHMS);
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError('algorithms must be a non-empty array');
  }
  for (const algorithm of value) {
    if (isAlgorithm(algorithm)) continue;
    throw new TypeError(
      `algorithms has ${JSON.stringify(algorithm)}: choose from ${ALGORITHMS.join(', ')}`,
    );
  }
  return new Set(value as readonly Algorithm[]);
}

function replayStore(value: ReplayStore | undefined, clock: () => number): ReplayStore {
  if (value === undefined) return new MemoryReplayStore({ clock });
  if (typeof value?.insert === 'function') return value;
  throw new TypeError('replay must be a ReplayStore: an object with the method insert');
}

function remoteJwkSets({ jwksUri, clock }: ClientAssertionOptions): RemoteJwkSets {
  if (jwksUri instanceof RemoteJwkSets) return jwksUri;
  return new RemoteJwkSets({ clock, ...jwksUri });
}

/**
 * The options that the rules follow from, checked and with their defaults.
 *
 * @throws {TypeError} with a sentence that says what to change
 */
export function rulesFrom(options: ClientAssertionOptions): Rules {
  const rules: Rules = {
    audience: audienceMode(options.audience),
    additionalAudiences: audiences(options.additionalAudiences),
    ignoreTrailingSlash: flag('ignoreTrailingSlash', options.ignoreTrailingSlash, false),
    algorithms: algorithmSet(options.algorithms),
    clockTolerance: number('clockTolerance', options.clockTolerance, 60, 0),
    maxLifetime: number('maxLifetime', options.maxLifetime, 600, 1),
    maxAssertionLength: number('maxAssertionLength', options.maxAssertionLength, 16_384, 1),
    acceptGrantTypeAsAssertionType: flag(
      'acceptGrantTypeAsAssertionType',
      options.acceptGrantTypeAsAssertionType,
      false,
    ),
    clock: callback('clock', options.clock) ?? Date.now,
  };
  if (rules.audience === 'strict' && rules.additionalAudiences.length > 0) {
    throw new TypeError("additionalAudiences has no effect with audience 'strict': remove one");
  }
  return rules;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} with a sentence that says what to change
 */
export function settingsFrom(options: ClientAssertionOptions): Settings {
  const rules = rulesFrom(options);
  return {
    ...rules,
    replay: replayStore(options.replay, rules.clock),
    replayTimeout: number('replayTimeout', options.replayTimeout, 2, 0.001),
    lookupTimeout: number('lookupTimeout', options.lookupTimeout, 10, 0.001),
    certificateValidity: flag('certificateValidity', options.certificateValidity, true),
    secretExpiryWarning: number('secretExpiryWarning', options.secretExpiryWarning, 2_592_000, 0),
    detailedErrors: flag('detailedErrors', options.detailedErrors, false),
    onAuthentication: callback('onAuthentication', options.onAuthentication),
    keys: new KeyCache(number('maxCachedKeys', options.maxCachedKeys, DEFAULT_MAX_KEYS, 1)),
    hints: new SignerHints(),
    jwksUri: remoteJwkSets(options),
  };
}
