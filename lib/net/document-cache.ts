import { BoundedMap } from './bounded-map.js';
import { FetchError } from './fetch-error.js';
import { type FetchedDocument, type FetchJson, guardedFetch } from './guarded-fetch.js';
import { Lane } from './lane.js';
import type { DocumentCacheSettings } from './options.js';
import { describeUrl } from './remote-url.js';

/** A failed fetch is repeated after a second, then two, four … up to this many. */
const MAX_BACKOFF = 60;

/** How long a document is fresh whose headers do not say it, in seconds. */
const DEFAULT_AGE = 300;

/** A document in use is fetched again, with nobody waiting, after this part of its time. */
const REFRESH_AHEAD = 0.8;

/** Failures are small: many more of them are remembered than documents. */
const FAILURES_PER_ENTRY = 10;

interface Entry<T> {
  readonly document: T;
  /** In seconds since the epoch, like all times here. */
  readonly fetchedAt: number;
  /** For how many seconds it is fresh. */
  readonly age: number;
}

interface Failure {
  readonly error: FetchError;
  readonly count: number;
  readonly failedAt: number;
}

/** Whether so many seconds have not passed yet. What lies in the future was noted by a wrong clock. */
const isWithin = (now: number, since: number, seconds: number): boolean =>
  since <= now && now < since + seconds;

function isResting(failure: Failure | undefined, now: number): boolean {
  if (failure === undefined) return false;
  return isWithin(now, failure.failedAt, Math.min(2 ** (failure.count - 1), MAX_BACKOFF));
}

/** A document, and the error for which it is not a new one. */
export interface CachedDocument<T> {
  readonly document: T;
  /** Whether it was fetched for this call, so that there is no newer one. */
  readonly isNew?: boolean | undefined;
  /** Set where the document is stale, since fetching it again failed. */
  readonly error?: FetchError | undefined;
}

/**
 * Fetches documents and keeps them: one fetch in flight for each URL; fresh for as long as their
 * headers say, within bounds; the last good one through an outage, for a bounded time; and no
 * second fetch from a dead URL before it has had time to recover.
 */
export class DocumentCache<T> {
  private readonly settings: DocumentCacheSettings;
  private readonly fetchJson: FetchJson;
  private readonly read: (value: unknown, url: string) => T;
  private readonly entries: BoundedMap<Entry<T>>;
  private readonly failures: BoundedMap<Failure>;
  private readonly renewals: BoundedMap<number>;
  private readonly inFlight = new Map<string, Promise<T>>();
  private readonly lanes: { readonly known: Lane; readonly untried: Lane; readonly failed: Lane };

  /**
   * @param read makes what is kept from a parsed document; throws an Error with a reason that is
   *   safe to log where the document is not what it should be
   */
  constructor(settings: DocumentCacheSettings, read: (value: unknown, url: string) => T) {
    if (settings.minAge > settings.maxAge) {
      throw new TypeError('minAge is greater than maxAge: lower one or raise the other');
    }
    this.settings = settings;
    this.fetchJson = guardedFetch(settings);
    this.read = read;
    this.entries = new BoundedMap(settings.maxEntries);
    this.failures = new BoundedMap(settings.maxEntries * FAILURES_PER_ENTRY);
    this.renewals = new BoundedMap(settings.maxEntries);
    const lane = () => new Lane(settings.maxConcurrentFetches, settings.timeout);
    this.lanes = { known: lane(), untried: lane(), failed: lane() };
  }

  /** @throws {FetchError} where the document cannot be had, and no earlier one may be used */
  async get(url: string): Promise<CachedDocument<T>> {
    const now = this.now();
    const entry = this.entries.get(url);
    const failure = this.failures.get(url);
    const resting = isResting(failure, now);
    if (entry !== undefined && isWithin(now, entry.fetchedAt, entry.age)) {
      const isDue = now >= entry.fetchedAt + entry.age * REFRESH_AHEAD;
      if (isDue && !resting) this.fetchBehind(url);
      return { document: entry.document };
    }
    if (entry === undefined || now >= entry.fetchedAt + entry.age + this.settings.maxStale) {
      if (failure !== undefined && resting) throw failure.error;
      return { document: await this.fetch(url), isNew: true };
    }
    if (failure !== undefined) {
      // During an outage nobody waits.
      if (!resting) this.fetchBehind(url);
      return { document: entry.document, error: failure.error };
    }
    try {
      return { document: await this.fetch(url), isNew: true };
    } catch (error) {
      return { document: entry.document, error: error as FetchError };
    }
  }

  /**
   * Fetches a document again although it is fresh.
   *
   * @param seen the document that turned out not to be enough
   * @param cooldown how many seconds have to pass between two such fetches from one URL
   * @returns a newer one; undefined where there is none, or where the URL has to be left in peace
   */
  async renew(url: string, seen: T, cooldown: number): Promise<T | undefined> {
    const entry = this.entries.get(url);
    if (entry !== undefined && entry.document !== seen) return entry.document;
    if (!this.inFlight.has(url)) {
      const now = this.now();
      if (isWithin(now, this.renewals.get(url) ?? Number.NaN, cooldown)) return undefined;
      if (isResting(this.failures.get(url), now)) return undefined;
      this.renewals.set(url, now);
    }
    return this.fetch(url).catch(() => undefined);
  }

  private now(): number {
    return Date.now() / 1000;
  }

  private fetch(url: string): Promise<T> {
    const running = this.inFlight.get(url);
    if (running !== undefined) return running;
    const fetching = this.fetchAndKeep(url).finally(() => this.inFlight.delete(url));
    this.inFlight.set(url, fetching);
    return fetching;
  }

  private fetchBehind(url: string): void {
    this.fetch(url).catch(() => undefined);
  }

  private async fetchAndKeep(url: string): Promise<T> {
    const turnedAway = () =>
      new FetchError('too_many_fetches', 'more than maxConcurrentFetches are under way');
    try {
      const fetched = await this.laneOf(url).run(() => this.fetchJson(url), turnedAway);
      const document = this.readDocument(fetched, url);
      this.entries.set(url, { document, fetchedAt: this.now(), age: this.age(fetched) });
      this.failures.delete(url);
      return document;
    } catch (error) {
      this.noteFailure(url, error as FetchError);
      throw error;
    }
  }

  /** URLs that may be dead cannot hold up the others. */
  private laneOf(url: string): Lane {
    if (this.entries.get(url) !== undefined) return this.lanes.known;
    return this.failures.get(url) === undefined ? this.lanes.untried : this.lanes.failed;
  }

  private readDocument({ value }: FetchedDocument, url: string): T {
    try {
      return this.read(value, url);
    } catch (error) {
      const what = describeUrl(new URL(url));
      throw new FetchError('document_invalid', `${what}: ${(error as Error).message}`);
    }
  }

  private age({ freshFor }: FetchedDocument): number {
    const { minAge, maxAge } = this.settings;
    return Math.min(Math.max(freshFor ?? DEFAULT_AGE, minAge), maxAge);
  }

  private noteFailure(url: string, error: FetchError): void {
    // Not the fault of the URL: it was never called.
    if (error.code === 'too_many_fetches') return;
    const count = (this.failures.get(url)?.count ?? 0) + 1;
    this.failures.set(url, { error, count, failedAt: this.now() });
  }
}
