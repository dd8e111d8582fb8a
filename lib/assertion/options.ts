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

/** Options for validating client assertions. Times are in seconds. */
export interface ClientAssertionOptions extends RuleOptions {
  /** Remembers used assertions. Default: a `MemoryReplayStore`, for a single process. */
  readonly replay?: ReplayStore | undefined;
  /** Of the client lookup, default 10; of the replay store, default 2. Then it fails closed. */
  readonly timeout?: number | undefined;
  /** Whether a certificate's validity period limits its secret too. Default true. */
  readonly certificateValidity?: boolean | undefined;
  /** How to fetch and keep keys from a `jwks_uri`; or a `RemoteJwkSets` to share. */
  readonly jwksUri?: JwksUriOptions | RemoteJwkSets | undefined;
  /** Ignores an Authorization header that a gateway adds to an assertion. Default false. */
  readonly ignoreAuthorizationHeader?: boolean | undefined;
  /** The status of `invalid_client` (RFC 6749 §5.2). With Authorization always 401. Default 401. */
  readonly invalidClientStatus?: 400 | 401 | undefined;
  /** Tells callers, and so attackers, the precise reason of a refusal. Default false. */
  readonly detailedErrors?: boolean | undefined;
  /**
   * Called once for each authentication, successful or not. If it throws or rejects, a process
   * warning is emitted and nothing else happens.
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
  timeout: (name, value) => (value === undefined ? undefined : number(0, 0.001)(name, value)),
  certificateValidity: flag(true),
  jwksUri: remoteJwkSets,
  ignoreAuthorizationHeader: flag(false),
  invalidClientStatus: clientStatus,
  detailedErrors: flag(false),
  onAuthentication: callback<(event: AuthenticationEvent) => unknown>(),
} satisfies OptionTable<ClientAssertionOptions>;

export interface Settings
  extends Omit<SettingsOf<typeof CLIENT_ASSERTION_OPTIONS>, keyof Rules>,
    Rules {
  readonly keys: KeyCache;
  readonly lookupTimeout: number;
  readonly replayTimeout: number;
}

function verifiableRules(rules: Rules, asked: ReadonlySet<string> | undefined): Rules {
  const impossible = [...rules.algorithms].filter((alg) => !isVerifiable(alg));
  const [wanted] = impossible.filter((alg) => asked?.has(alg));
  if (wanted !== undefined) throw new TypeError(`algorithms: ${cannotVerify(wanted)}`);
  const algorithms = new Set([...rules.algorithms].filter((alg) => !impossible.includes(alg)));
  return { ...rules, algorithms };
}

export const settingsFrom = (given: SettingsOf<typeof CLIENT_ASSERTION_OPTIONS>): Settings => ({
  ...given,
  ...verifiableRules(rulesFrom(given), given.algorithms),
  keys: new KeyCache(),
  lookupTimeout: given.timeout ?? 10,
  replayTimeout: given.timeout ?? 2,
});
