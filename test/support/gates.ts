import { setTimeout as sleep } from 'node:timers/promises';

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Nothing has happened for this long, in milliseconds: all that is under way waits at a gate. */
const SETTLED = 4;

/** No gate and no work for this long is a deadlock, in milliseconds. */
const STUCK = 20_000;

/**
 * Runs pieces of work that wait at gates, and opens one gate after the other in an order that follows
 * from a seed: each order of the steps in between can come.
 */
export class Gates {
  readonly #random: () => number;
  readonly #waiting: { readonly name: string; open(): void }[] = [];
  #changes = 0;
  #underWay = 0;
  #isOpen = false;
  /** What happened, in order. */
  readonly trace: string[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Waits until this gate is opened. */
  async pass(name: string): Promise<void> {
    this.#changes += 1;
    if (this.#isOpen) return;
    await new Promise<void>((open) => this.#waiting.push({ name, open }));
  }

  /** Begins the work, in this order, among what is under way; returns when all of it is done. */
  async run(works: readonly { readonly name: string; run(): Promise<void> }[]): Promise<void> {
    const left = [...works];
    const failures: unknown[] = [];
    let lastChange = performance.now();
    while (left.length > 0 || this.#underWay > 0) {
      await this.#settle();
      const choices = this.#waiting.length + (left.length > 0 ? 1 : 0);
      if (choices === 0) {
        if (performance.now() - lastChange > STUCK) throw new Error('Nothing goes on any more.');
        continue;
      }
      lastChange = performance.now();
      const choice = Math.floor(this.#random() * choices);
      const gate = this.#waiting[choice];
      if (gate !== undefined) {
        this.#waiting.splice(choice, 1);
        this.trace.push(gate.name);
        gate.open();
        continue;
      }
      const work = left.shift();
      if (work === undefined) continue;
      this.trace.push(`begin ${work.name}`);
      this.#underWay += 1;
      work
        .run()
        .catch((error: unknown) => failures.push(error))
        .finally(() => {
          this.trace.push(`end ${work.name}`);
          this.#underWay -= 1;
          this.#changes += 1;
        });
    }
    if (failures.length > 0) throw failures[0];
  }

  /** From now on nothing waits any more. */
  open(): void {
    this.#isOpen = true;
  }

  async #settle(): Promise<void> {
    for (let seen = -1; seen !== this.#changes; ) {
      seen = this.#changes;
      await sleep(SETTLED);
    }
  }
}
