/** How many tasks wait at most; more are turned away at once. */
const MAX_WAITING = 10_000;

interface Waiting {
  readonly enter: () => void;
  readonly timer: NodeJS.Timeout;
}

/** Lets so many tasks run at once. The others wait for their turn, in the order in which they came. */
export class Lane {
  private readonly width: number;
  private readonly patience: number;
  private readonly waiting = new Set<Waiting>();
  private running = 0;

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
  async run<T>(task: () => Promise<T>, turnedAway: () => Error): Promise<T> {
    if (this.running < this.width) this.running += 1;
    else await this.turn(turnedAway);
    try {
      return await task();
    } finally {
      this.leave();
    }
  }

  private turn(turnedAway: () => Error): Promise<void> {
    if (this.waiting.size >= MAX_WAITING) return Promise.reject(turnedAway());
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        enter: resolve,
        timer: setTimeout(() => {
          this.waiting.delete(waiting);
          reject(turnedAway());
        }, this.patience * 1000),
      };
      this.waiting.add(waiting);
    });
  }

  /** Hands the place to the next one, if there is one. */
  private leave(): void {
    for (const next of this.waiting) {
      this.waiting.delete(next);
      clearTimeout(next.timer);
      next.enter();
      return;
    }
    this.running -= 1;
  }
}
