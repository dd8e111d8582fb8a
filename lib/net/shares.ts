const MAX_WAITING = 10_000;

interface Waiting {
  readonly enter: () => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Lets a limited number of tasks run at once. A share (a site, for example) may hold as many places
 * as are free, so one share alone gets half of them. The others wait for their turn: the shares take
 * turns, and within a share the tasks run in the order in which they came.
 */
export class Lane {
  private readonly width: number;
  private readonly patience: number;
  private readonly held = new Map<string, number>();
  /** Shares whose tasks wait, the one whose turn is next first. */
  private readonly queues = new Map<string, Set<Waiting>>();
  private running = 0;
  private waiting = 0;

  /**
   * @param width how many run at once
   * @param patience how many seconds a task waits before it is turned away
   */
  constructor(width: number, patience: number) {
    this.width = width;
    this.patience = patience;
  }

  /**
   * Runs a task when its turn comes.
   *
   * @param turnedAway makes the error for a task whose turn did not come in time
   */
  async run<T>(share: string, task: () => Promise<T>, turnedAway: () => Error): Promise<T> {
    if (this.hasRoomFor(share) && !this.queues.has(share)) this.take(share);
    else await this.turn(share, turnedAway);
    try {
      return await task();
    } finally {
      this.leave(share);
    }
  }

  private hasRoomFor(share: string): boolean {
    return (this.held.get(share) ?? 0) < this.width - this.running;
  }

  private take(share: string): void {
    this.running += 1;
    this.held.set(share, (this.held.get(share) ?? 0) + 1);
  }

  private turn(share: string, turnedAway: () => Error): Promise<void> {
    const queue = this.queues.get(share) ?? new Set();
    // A share may have as many tasks waiting as there is room for others.
    if (queue.size >= MAX_WAITING - this.waiting) return Promise.reject(turnedAway());
    this.queues.set(share, queue);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        enter: resolve,
        timer: setTimeout(() => {
          this.dequeue(share, queue, waiting);
          reject(turnedAway());
        }, this.patience * 1000),
      };
      queue.add(waiting);
      this.waiting += 1;
    });
  }

  private dequeue(share: string, queue: Set<Waiting>, waiting: Waiting): void {
    queue.delete(waiting);
    this.waiting -= 1;
    if (queue.size === 0) this.queues.delete(share);
  }

  private leave(share: string): void {
    this.running -= 1;
    const held = (this.held.get(share) ?? 0) - 1;
    if (held > 0) this.held.set(share, held);
    else this.held.delete(share);
    while (this.admitNext());
  }

  /** Lets the next task in whose share has room; false if there is none. */
  private admitNext(): boolean {
    if (this.running >= this.width) return false;
    for (const [share, queue] of this.queues) {
      if (!this.hasRoomFor(share)) continue;
      const [next] = queue;
      if (next === undefined) continue;
      this.dequeue(share, queue, next);
      // Its share waits behind the others for its next turn.
      if (this.queues.delete(share)) this.queues.set(share, queue);
      clearTimeout(next.timer);
      this.take(share);
      next.enter();
      return true;
    }
    return false;
  }
}

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
