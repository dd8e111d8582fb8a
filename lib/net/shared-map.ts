interface Entry<T> {
  readonly share: string;
  readonly value: T;
}

/**
 * A map of limited size in which each share (a site, for example) competes with itself first: when
 * the map is full, the largest share loses the entry that it has not used for the longest time. So
 * one stranger cannot push the entries of others out.
 */
export class SharedMap<T> {
  private readonly entries = new Map<string, Entry<T>>();
  /** The keys of each share. Both levels are in the order of use, the oldest first. */
  private readonly shares = new Map<string, Set<string>>();
  private readonly maxEntries: number;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
  }

  get(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.touch(key, entry.share);
    return entry.value;
  }

  set(key: string, share: string, value: T): void {
    this.delete(key);
    this.entries.set(key, { share, value });
    this.touch(key, share);
    if (this.entries.size > this.maxEntries) this.evict();
  }

  delete(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    const keys = this.shares.get(entry.share);
    keys?.delete(key);
    if (keys?.size === 0) this.shares.delete(entry.share);
  }

  private touch(key: string, share: string): void {
    const keys = this.shares.get(share) ?? new Set();
    keys.delete(key);
    keys.add(key);
    this.shares.delete(share);
    this.shares.set(share, keys);
  }

  private evict(): void {
    let largest: ReadonlySet<string> = new Set();
    for (const keys of this.shares.values()) if (keys.size > largest.size) largest = keys;
    for (const oldest of largest) {
      this.delete(oldest);
      return;
    }
  }
}
