import { FINGERPRINT_WORDS } from './fingerprint.js';

/** A slot: the words of a fingerprint, then the tick at which it expires. 0 there means empty. */
export const SLOT_WORDS = FINGERPRINT_WORDS + 1;
const EXPIRES = FINGERPRINT_WORDS;

/** A larger segment is not rebuilt in one go: it is split instead. */
export const MAX_CAPACITY = 8192;

const MIN_CAPACITY = 16;

/** How full a segment is when it is made; it is rebuilt at three quarters. */
const INITIAL_LOAD = 0.5;
const REBUILD_LOAD = 0.75;

/** What `Segment.find` answers where the fingerprint is there. */
export const PRESENT = -1;

/** How many slots a segment for so many entries has. */
export const capacityFor = (entries: number): number =>
  Math.max(MIN_CAPACITY, Math.ceil(entries / INITIAL_LOAD));

/**
 * A part of a `FingerprintTable`: open addressing with linear probing in one typed array. Expired
 * slots are reused, or go when the segment is rebuilt.
 */
export class Segment {
  readonly capacity: number;
  /** When it was made, in ticks. */
  readonly since: number;
  /** How many bits of the hash all of its entries share. */
  readonly depth: number;
  private readonly slots: Uint32Array;
  private used = 0;
  /** The latest tick at which something expired that is not there any more. */
  forgotten = 0;

  constructor(capacity: number, depth: number, since: number) {
    this.capacity = capacity;
    this.depth = depth;
    this.since = since;
    this.slots = new Uint32Array(capacity * SLOT_WORDS);
  }

  get isCrowded(): boolean {
    return this.used >= this.capacity * REBUILD_LOAD;
  }

  /**
   * Looks for a fingerprint.
   *
   * @param hash 32 bits that choose the slot to start from
   * @returns `PRESENT`, or the place to `put` it
   */
  find(fingerprint: Uint32Array, hash: number, now: number): number {
    const { slots } = this;
    const first = fingerprint[0];
    const second = fingerprint[1];
    const third = fingerprint[2];
    const fourth = fingerprint[3];
    let free = -1;
    for (
      let place = Math.floor((hash * this.capacity) / 2 ** 32) * SLOT_WORDS;
      ;
      place += SLOT_WORDS
    ) {
      if (place === slots.length) place = 0;
      const expires = slots[place + EXPIRES] as number;
      if (expires === 0) return free === -1 ? place : free;
      if (expires <= now) {
        if (free === -1) free = place;
      } else if (
        slots[place] === first &&
        slots[place + 1] === second &&
        slots[place + 2] === third &&
        slots[place + 3] === fourth
      ) {
        return PRESENT;
      }
    }
  }

  /** Writes a fingerprint to the place that `find` has answered. */
  put(fingerprint: Uint32Array, place: number, expires: number): void {
    const { slots } = this;
    const before = slots[place + EXPIRES] as number;
    if (before === 0) this.used += 1;
    else if (before > this.forgotten) this.forgotten = before;
    for (let word = 0; word < FINGERPRINT_WORDS; word += 1) {
      slots[place + word] = fingerprint[word] as number;
    }
    slots[place + EXPIRES] = expires;
  }

  /** Counts what a rebuilt segment will have; the rest is forgotten with this one. */
  countLive(now: number): number {
    const { slots } = this;
    let live = 0;
    for (let place = EXPIRES; place < slots.length; place += SLOT_WORDS) {
      const expires = slots[place] as number;
      if (expires > now) live += 1;
      else if (expires > this.forgotten) this.forgotten = expires;
    }
    return live;
  }

  /** Calls back for each live entry. */
  forEachLive(now: number, visit: (fingerprint: Uint32Array, expires: number) => void): void {
    const { slots } = this;
    const fingerprint = new Uint32Array(FINGERPRINT_WORDS);
    for (let place = 0; place < slots.length; place += SLOT_WORDS) {
      const expires = slots[place + EXPIRES] as number;
      if (expires <= now) continue;
      for (let word = 0; word < FINGERPRINT_WORDS; word += 1) {
        fingerprint[word] = slots[place + word] as number;
      }
      visit(fingerprint, expires);
    }
  }
}
