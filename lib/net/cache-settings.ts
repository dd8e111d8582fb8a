import { callback, number, type OptionNames } from '../shared/option-checks.js';
import {
  FETCH_OPTIONS,
  type FetchOptions,
  type FetchSettings,
  fetchSettings,
} from './fetch-settings.js';

/** How fetched documents are kept. Times are in seconds. */
export interface DocumentCacheOptions extends FetchOptions {
  /** A document is used for at least so long, whatever its headers say. Default 60. */
  readonly minAge?: number | undefined;
  /** A document is used for at most so long, whatever its headers say. */
  readonly maxAge?: number | undefined;
  /** How long a document is used whose headers do not say it. Default 300. */
  readonly defaultAge?: number | undefined;
  /** For how long after that the last good document is used, as long as no new one can be had. */
  readonly maxStale?: number | undefined;
  /** How many documents are kept. Those not used for the longest time go first. Default 1000. */
  readonly maxEntries?: number | undefined;
  /**
   * How many fetches run at once, of each of three kinds: from URLs that answered before, from
   * untried ones, and from those that failed; so that dead URLs cannot hold up the others.
   * Default 100.
   */
  readonly maxConcurrentFetches?: number | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

export const DOCUMENT_CACHE_OPTIONS: OptionNames<DocumentCacheOptions> = {
  ...FETCH_OPTIONS,
  minAge: true,
  maxAge: true,
  defaultAge: true,
  maxStale: true,
  maxEntries: true,
  maxConcurrentFetches: true,
  clock: true,
};

/** The options, checked and with their defaults. */
export interface DocumentCacheSettings {
  readonly fetch: FetchSettings;
  readonly minAge: number;
  readonly maxAge: number;
  readonly defaultAge: number;
  readonly maxStale: number;
  readonly maxEntries: number;
  readonly maxConcurrentFetches: number;
  readonly clock: () => number;
}

/** What differs from one kind of document to the other. */
export interface DocumentDefaults {
  readonly maxBytes: number;
  readonly maxAge: number;
  readonly maxStale: number;
}

/** @throws {TypeError} with a sentence that says what to change */
export function cacheSettings(
  options: DocumentCacheOptions,
  defaults: DocumentDefaults,
): DocumentCacheSettings {
  const settings = {
    fetch: fetchSettings(options, defaults.maxBytes),
    minAge: number('minAge', options.minAge, 60, 0),
    maxAge: number('maxAge', options.maxAge, defaults.maxAge, 0),
    defaultAge: number('defaultAge', options.defaultAge, 300, 0),
    maxStale: number('maxStale', options.maxStale, defaults.maxStale, 0),
    maxEntries: number('maxEntries', options.maxEntries, 1000, 1),
    maxConcurrentFetches: number('maxConcurrentFetches', options.maxConcurrentFetches, 100, 1),
    clock: callback('clock', options.clock) ?? Date.now,
  };
  if (settings.minAge > settings.maxAge) {
    throw new TypeError('minAge is greater than maxAge: lower one or raise the other');
  }
  return settings;
}
