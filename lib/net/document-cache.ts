import { FetchError } from './fetch-error.js';
import { type FetchedDocument, type FetchJson, guardedFetch } from './guarded-fetch.js';
import type { DocumentCacheSettings } from './options.js';
import { describeUrl, siteOf } from './remote-url.js';
import { Lane, SharedMap } from './shares.js';

/** In seconds. A failed fetch is repeated after 1 second, then 2, 4 … up to this limit. */
const MAX_BACKOFF = 60;

/** In seconds, without caching headers. */
const DEFAULT_AGE = 300;

/** In seconds, whatever the headers say. */
const MIN_AGE = 60;

/** After this part of its lifetime, a document in use is fetched again in the background. */
const REFRESH_AHEAD = 0.8;

/** At once, for each lane. One site gets at most half. */
const MAX_FETCHES = 100;

/** Failures are smaller than documents. */
const FAILURES_PER_ENTRY = 10;

interface Entry<T> {
  readonly document: T;
  /** In seconds since the epoch, like all times here. */
  readonly fetchedAt: number;
  /** In seconds. */
  readonly age: number;
}

interface Failure {
  readonly error: FetchError;
  readonly count: number;
  readonly failedAt: number;
}

const currentTime = (): number => Date.now() / 1000;

/** A time in the future came from a wrong clock. */
const isWithin = (now: number, since: number, seconds: number): boolean =>
  since <= now && now < since + seconds;

function isResting(failure: Failure | undefined, now: number): boolean {
  if (failure === undefined) return false;
  return isWithin(now, failure.failedAt, Math.min(2 ** (failure.count - 1), MAX_BACKOFF));
}

export interface CachedDocument<T> {
  readonly document: T;
  /** Fetched for this call, so that there is no newer one. */
  readonly isNew?: boolean | undefined;
  /** Set if the document is stale because the new fetch failed. */
  readonly error?: FetchError | undefined;
}

/**
 * Each URL has at most one fetch in flight. During an outage the last good document is used for a
 * limited time; any other answer replaces or withdraws it. Sites share tables and lanes fairly.
 */
export class DocumentCache<T> {
  private readonly settings: DocumentCacheSettings;
  private readonly fetchJson: FetchJson;
  private readonly read: (value: unknown, url: string) => T;
  private readonly proved: SharedMap<true>;
  private readonly entries: {
    readonly proved: SharedMap<Entry<T>>;
    readonly untried: SharedMap<Entry<T>>;
  };
  private readonly failures: SharedMap<Failure>;
  private readonly renewals: SharedMap<number>;
  private readonly inFlight = new Map<string, Promise<T>>();
  private readonly lanes: ReadonlyMap<string, Lane>;

  /** `accept` has the requested media types. What `read` throws must be safe to log. */
  constructor(
    settings: DocumentCacheSettings,
    accept: string,
    read: (value: unknown, url: string) => T,
  ) {
    const { maxEntries } = settings;
    this.settings = settings;
    this.fetchJson = guardedFetch(settings, accept);
    this.read = read;
    this.proved = new SharedMap(maxEntries);
    this.entries = { proved: new SharedMap(maxEntries), untried: new SharedMap(maxEntries) };
    this.failures = new SharedMap(maxEntries * FAILURES_PER_ENTRY);
    this.renewals = new SharedMap(maxEntries * 2);
    const lane = () => new Lane(MAX_FETCHES, settings.timeout);
    this.lanes = new Map(
      ['proved', 'proved failed', 'untried', 'untried failed'].map((name) => [name, lane()]),
    );
  }

  /** Never waits. A document in use is refreshed in the background. */
  atHand(url: string): T | undefined {
    const now = currentTime();
    const entry = this.entryOf(url);
    if (entry === undefined || !isWithin(now, entry.fetchedAt, entry.age)) return undefined;
    const isDue = now >= entry.fetchedAt + entry.age * REFRESH_AHEAD;
    if (isDue && !isResting(this.failures.get(url), now)) this.fetchBehind(url);
    return entry.document;
  }

  async get(url: string): Promise<CachedDocument<T>> {
    const fresh = this.atHand(url);
    if (fresh !== undefined) return { document: fresh };
    const now = currentTime();
    const entry = this.entryOf(url);
    const failure = this.failures.get(url);
    const resting = isResting(failure, now);
    if (entry === undefined || now >= entry.fetchedAt + entry.age + this.settings.maxStale) {
      if (failure !== undefined && resting) throw failure.error;
      return { document: await this.fetch(url), isNew: true };
    }
    if (failure !== undefined) {
      // During an outage no request waits.
      if (!resting) this.fetchBehind(url);
      return { document: entry.document, error: failure.error };
    }
    try {
      return { document: await this.fetch(url), isNew: true };
    } catch (error) {
      if (this.entryOf(url) !== entry) throw error;
      return { document: entry.document, error: error as FetchError };
    }
  }

  /** `seen` was fresh but insufficient. `cooldown`: seconds between two such fetches of one URL. */
  async renew(url: string, seen: T, cooldown: number): Promise<T | undefined> {
    const entry = this.entryOf(url);
    if (entry !== undefined && entry.document !== seen) return entry.document;
    if (!this.inFlight.has(url)) {
      const now = currentTime();
      if (isWithin(now, this.renewals.get(url) ?? Number.NaN, cooldown)) return undefined;
      if (isResting(this.failures.get(url), now)) return undefined;
      this.renewals.set(url, siteOf(url), now);
    }
    return this.fetch(url).catch(() => undefined);
  }

  /** At once: the result of a running fetch is not used. Returns the document, fresh or not. */
  forget(url: string): T | undefined {
    const dropped = this.entryOf(url)?.document;
    this.deleteEntry(url);
    this.failures.delete(url);
    this.renewals.delete(url);
    this.inFlight.delete(url);
    return dropped;
  }

  /** Strangers no longer compete with this URL. */
  noteProved(url: string): void {
    if (this.proved.get(url) === true) return;
    const site = siteOf(url);
    this.proved.set(url, site, true);
    const entry = this.entries.untried.get(url);
    if (entry === undefined) return;
    this.entries.untried.delete(url);
    this.entries.proved.set(url, site, entry);
  }

  private entryOf(url: string): Entry<T> | undefined {
    return this.entries.proved.get(url) ?? this.entries.untried.get(url);
  }

  private deleteEntry(url: string): void {
    this.entries.proved.delete(url);
    this.entries.untried.delete(url);
  }

  private fetch(url: string): Promise<T> {
    const running = this.inFlight.get(url);
    if (running !== undefined) return running;
    const fetching: Promise<T> = this.fetchAndKeep(url, () => this.inFlight.get(url) === fetching);
    this.inFlight.set(url, fetching);
    return fetching;
  }

  private fetchBehind(url: string): void {
    this.fetch(url).catch(() => undefined);
  }

  private async fetchAndKeep(url: string, isCurrent: () => boolean): Promise<T> {
    const site = siteOf(url);
    const turnedAway = () =>
      new FetchError('too_many_fetches', `${MAX_FETCHES} fetches are already running`);
    try {
      const fetched = await this.laneOf(url).run(site, () => this.fetchJson(url), turnedAway);
      const document = this.readDocument(fetched, url);
      if (!isCurrent()) return await this.fetch(url);
      const isProved = this.proved.get(url) === true;
      this.deleteEntry(url);
      const entry = { document, fetchedAt: currentTime(), age: this.age(fetched) };
      this.entries[isProved ? 'proved' : 'untried'].set(url, site, entry);
      this.failures.delete(url);
      this.inFlight.delete(url);
      return document;
    } catch (error) {
      if (!isCurrent()) throw error;
      this.inFlight.delete(url);
      this.noteFailure(url, site, error as FetchError);
      throw error;
    }
  }

  private laneOf(url: string): Lane {
    const kind = this.proved.get(url) === true ? 'proved' : 'untried';
    const name = this.failures.get(url) === undefined ? kind : `${kind} failed`;
    return this.lanes.get(name) as Lane;
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
    return Math.min(Math.max(freshFor ?? DEFAULT_AGE, MIN_AGE), this.settings.maxAge);
  }

  private noteFailure(url: string, site: string, error: FetchError): void {
    if (!error.isOutage) this.deleteEntry(url);
    // Not the fault of the URL: it was never called.
    if (error.code === 'too_many_fetches') return;
    const count = (this.failures.get(url)?.count ?? 0) + 1;
    this.failures.set(url, site, { error, count, failedAt: currentTime() });
  }
}
