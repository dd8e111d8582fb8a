const MAX_WAITING = 10_000;

interface Waiting {
  readonly enter: () => void;
  readonly timer: NodeJS.Timeout;
}

/** A share (such as a site) may use as many places as are free: one alone gets half. */
export class Lane {
  private readonly width: number;
  private readonly patience: number;
  private readonly held = new Map<string, number>();
  private readonly queues = new Map<string, Set<Waiting>>();
  private running = 0;
  private waiting = 0;

  /** `patience`: how many seconds a task waits before it is turned away. */
  constructor(width: number, patience: number) {
    this.width = width;
    this.patience = patience;
  }

  async run<T>(share: string, task: () => Promise<T>, turnedAway: () => Error): Promise<T> {
    // A share has no room while it has waiting tasks: leave() admits as many as there is room for.
    if (this.hasRoomFor(share)) this.take(share);
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
    // A share may have as many waiting tasks as there is room for others.
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

  private admitNext(): boolean {
    if (this.running >= this.width) return false;
    for (const [share, queue] of this.queues) {
      if (!this.hasRoomFor(share)) continue;
      const [next] = queue;
      if (next === undefined) continue;
      this.dequeue(share, queue, next);
      // The share moves to the end of the queue for its next turn.
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

/** The largest share loses its oldest entry: no stranger displaces the entries of others. */
export class SharedMap<T> {
  private readonly entries = new Map<string, Entry<T>>();
  /** Shares and keys are both in order of use, oldest first. */
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
