import { RemoteJwkSets } from '../keys/jwks-uri.js';
import { DEFAULT_MAX_KEYS, KeyCache } from '../keys/key-cache.js';
import { MemoryReplayStore } from '../replay/memory/store.js';
import type { ReplayStore } from '../replay/store.js';
import { ALGORITHMS, type Algorithm, isAlgorithm } from '../shared/algorithms.js';
import type { AuthenticationEvent } from '../shared/events.js';
import { assertKnownOptions, callback, flag, number } from '../shared/option-checks.js';
import {
  CLIENT_ASSERTION_HINTS,
  CLIENT_ASSERTION_OPTIONS,
  type ClientAssertionOptions,
} from './options.js';

const HINTS = {
  ...CLIENT_ASSERTION_HINTS,
  // Who the server is may differ from request to request.
  issuer: 'give it to validate',
  tokenEndpoint: 'give it to validate',
  endpoint: 'give it to validate',
};

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

function replayStore(value: ReplayStore | undefined): ReplayStore {
  if (value === undefined) return new MemoryReplayStore();
  if (typeof value?.insert === 'function') return value;
  throw new TypeError('replay must be a ReplayStore: an object with the method insert');
}

const remoteJwkSets = ({ jwksUri }: ClientAssertionOptions): RemoteJwkSets =>
  jwksUri instanceof RemoteJwkSets ? jwksUri : new RemoteJwkSets(jwksUri);

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
  assertKnownOptions('ClientAssertionValidator', options, CLIENT_ASSERTION_OPTIONS, HINTS);
  const rules = rulesFrom(options);
  return {
    ...rules,
    replay: replayStore(options.replay),
    replayTimeout: number('replayTimeout', options.replayTimeout, 2, 0.001),
    lookupTimeout: number('lookupTimeout', options.lookupTimeout, 10, 0.001),
    certificateValidity: flag('certificateValidity', options.certificateValidity, true),
    secretExpiryWarning: number('secretExpiryWarning', options.secretExpiryWarning, 2_592_000, 0),
    detailedErrors: flag('detailedErrors', options.detailedErrors, false),
    onAuthentication: callback('onAuthentication', options.onAuthentication),
    keys: new KeyCache(number('maxCachedKeys', options.maxCachedKeys, DEFAULT_MAX_KEYS, 1)),
    jwksUri: remoteJwkSets(options),
  };
}
