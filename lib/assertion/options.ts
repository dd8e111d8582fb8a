import { cannotVerify, isVerifiable } from '../keys/jwk.js';
import { type JwksUriOptions, RemoteJwkSets } from '../keys/jwks-uri.js';
import { KeyCache } from '../keys/key-cache.js';
import { MemoryReplayStore } from '../replay/memory/store.js';
import type { ReplayStore } from '../replay/store.js';
import type { AuthenticationEvent } from '../shared/events.js';
import {
  callback,
  flag,
  number,
  type OptionTable,
  type Reader,
  type Settings as SettingsOf,
} from '../shared/options.js';
import { RULE_OPTIONS, type RuleOptions, type Rules, rulesFrom } from './rules.js';

/** Options of the validation of client assertions. Times are in seconds. */
export interface ClientAssertionOptions extends RuleOptions {
  /** Remembers used assertions. Default a `MemoryReplayStore`, which serves one process. */
  readonly replay?: ReplayStore | undefined;
  /** How long the replay store may take before the request fails closed. Default 2. */
  readonly replayTimeout?: number | undefined;
  /** How long the lookup of a client may take before the request fails closed. Default 10. */
  readonly lookupTimeout?: number | undefined;
  /**
   * How many imported keys are kept in memory, 2 to 4 kB each. If more are in use, they are imported
   * again and again. Default 10,000.
   */
  readonly maxCachedKeys?: number | undefined;
  /** Whether the validity period of a certificate counts as its secret's. Default true. */
  readonly certificateValidity?: boolean | undefined;
  /**
   * How the keys of clients with a `jwks_uri`, and of platforms, are fetched and kept; or a
   * `RemoteJwkSets` that others share.
   */
  readonly jwksUri?: JwksUriOptions | RemoteJwkSets | undefined;
  /** Reports a secret in use that expires within this time. Default 30 days; 0 for never. */
  readonly secretExpiryWarning?: number | undefined;
  /**
   * Does not count the Authorization header as a second method beside an assertion, for servers
   * behind a gateway that adds one of its own. Default false.
   */
  readonly ignoreAuthorizationHeader?: boolean | undefined;
  /**
   * The HTTP status of `invalid_client` (RFC 6749 §5.2 allows both). A request with an Authorization
   * header always gets 401. Default 401.
   */
  readonly invalidClientStatus?: 400 | 401 | undefined;
  /** Tells callers the precise reason of a refusal. Default false: it helps attackers too. */
  readonly detailedErrors?: boolean | undefined;
  /**
   * Called once for each authentication, successful or not. What it throws, or rejects with, becomes
   * a process warning and nothing else.
   */
  readonly onAuthentication?: ((event: AuthenticationEvent) => unknown) | undefined;
}

const remoteJwkSets: Reader<RemoteJwkSets> = (_name, value) =>
  value instanceof RemoteJwkSets ? value : new RemoteJwkSets(value as JwksUriOptions | undefined);

const replayStore: Reader<ReplayStore> = (name, value) => {
  if (value === undefined) return new MemoryReplayStore();
  if (typeof (value as ReplayStore | null)?.insert === 'function') return value as ReplayStore;
  throw new TypeError(`${name} must be a ReplayStore: an object with the method insert`);
};

const clientStatus: Reader<400 | 401> = (name, value = 401) => {
  if (value === 400 || value === 401) return value;
  throw new TypeError(`${name} must be 400 or 401`);
};

export const CLIENT_ASSERTION_OPTIONS = {
  ...RULE_OPTIONS,
  replay: replayStore,
  replayTimeout: number(2, 0.001),
  lookupTimeout: number(10, 0.001),
  maxCachedKeys: number(10_000, 1),
  certificateValidity: flag(true),
  jwksUri: remoteJwkSets,
  secretExpiryWarning: number(2_592_000, 0),
  ignoreAuthorizationHeader: flag(false),
  invalidClientStatus: clientStatus,
  detailedErrors: flag(false),
  onAuthentication: callback<(event: AuthenticationEvent) => unknown>(),
} satisfies OptionTable<ClientAssertionOptions>;

/** All settings of a validator. */
export interface Settings
  extends Omit<SettingsOf<typeof CLIENT_ASSERTION_OPTIONS>, keyof Rules>,
    Rules {
  readonly keys: KeyCache;
}

/** The rules without the algorithms that this Node cannot verify, unless they were asked for. */
function verifiableRules(rules: Rules, asked: ReadonlySet<string> | undefined): Rules {
  const impossible = [...rules.algorithms].filter((alg) => !isVerifiable(alg));
  const [wanted] = impossible.filter((alg) => asked?.has(alg));
  if (wanted !== undefined) throw new TypeError(`algorithms: ${cannotVerify(wanted)}`);
  const algorithms = new Set([...rules.algorithms].filter((alg) => !impossible.includes(alg)));
  return { ...rules, algorithms };
}

/**
 * What follows from the options once they are read.
 *
 * @throws {TypeError | ConfigurationError} with a sentence that says what to change
 */
export const settingsFrom = (given: SettingsOf<typeof CLIENT_ASSERTION_OPTIONS>): Settings => ({
  ...given,
  ...verifiableRules(rulesFrom(given), given.algorithms),
  keys: new KeyCache(given.maxCachedKeys),
});
