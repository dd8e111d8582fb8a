import { seededHash } from './seeded-hash.js';

/** In words of 30 bits. */
export const FINGERPRINT_WORDS = 4;

const CHARACTERS_PER_WORD = 5;
const KEY_LENGTH = 43;
const NO_DIGIT = -1;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const DIGITS = new Int8Array(128).fill(NO_DIGIT);
for (const [digit, character] of [...ALPHABET].entries()) DIGITS[character.charCodeAt(0)] = digit;

/** 120 bits: two of five million keys share them with a probability of 10^-23. */
export function readFingerprint(key: string, words: Uint32Array): void {
  let valid = key.length === KEY_LENGTH;
  let position = 0;
  for (let index = 0; index < FINGERPRINT_WORDS; index += 1) {
    let word = 0;
    for (const end = position + CHARACTERS_PER_WORD; position < end; position += 1) {
      const digit = DIGITS[key.charCodeAt(position)] ?? NO_DIGIT;
      valid &&= digit !== NO_DIGIT;
      word = (word << 6) | digit;
    }
    words[index] = word;
  }
  if (!valid) throw new TypeError('The key of a replay entry is 43 base64url characters.');
}

/** A slot: the words of a fingerprint, then the tick of its expiry; 0 means empty. */
const SLOT_WORDS = FINGERPRINT_WORDS + 1;
const EXPIRES = FINGERPRINT_WORDS;

/** A larger segment is split instead of rebuilt in one step. */
const MAX_CAPACITY = 8192;

const MIN_CAPACITY = 16;

/** A new segment is half full, and rebuilt at three quarters. */
const SLOTS_PER_ENTRY = 2;
const REBUILD_LOAD = 0.75;

const PRESENT = -1;

const capacityFor = (entries: number): number => Math.max(MIN_CAPACITY, SLOTS_PER_ENTRY * entries);

/** Open addressing with linear probing in one typed array. Expired slots are reused. */
class Segment {
  readonly capacity: number;
  /** In ticks. */
  readonly since: number;
  /** How many bits of the hash all entries share. */
  readonly depth: number;
  private readonly slots: Uint32Array;
  private used = 0;
  /** The latest expiry among the entries that the last step dropped, in ticks. */
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

  /** Returns `PRESENT`, or the place for `put`. */
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
        free = place;
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

  put(fingerprint: Uint32Array, place: number, expires: number): void {
    const { slots } = this;
    const before = slots[place + EXPIRES] as number;
    if (before === 0) this.used += 1;
    this.forgotten = before;
    for (let word = 0; word < FINGERPRINT_WORDS; word += 1) {
      slots[place + word] = fingerprint[word] as number;
    }
    slots[place + EXPIRES] = expires;
  }

  /** Also records the dropped entries. */
  countLive(now: number): number {
    const { slots } = this;
    let live = 0;
    for (let place = EXPIRES; place < slots.length; place += SLOT_WORDS) {
      const expires = slots[place] as number;
      if (expires > now) live += 1;
      else this.forgotten = Math.max(this.forgotten, expires);
    }
    return live;
  }

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

/** In ticks. Memory follows the number of live entries. */
const SWEEP_TICKS = 16;

/** The sweep stays at a segment for 2^4 additions, because a segment out of the cache costs time. */
const SWEEP_SHIFT = 4;

/** Entries whose hashes share this many bits stay in one segment, however many they are. */
const MAX_DEPTH = 16;

/**
 * Extendible hashing: no step rebuilds more than one segment, so an insertion is never slow. Times
 * are ticks: whole numbers above 0.
 */
export class FingerprintTable {
  private readonly segmentHash = seededHash();
  private readonly slotHash = seededHash();
  private directory: Segment[] = [new Segment(capacityFor(0), 0, 0)];
  private additions = 0;
  /** In ticks. If time goes back, entries that expire up to then cannot be judged. */
  forgotten = 0;

  /** If `admit` throws, the table is unchanged. */
  add(fingerprint: Uint32Array, expires: number, now: number, admit: () => void): boolean {
    const index = this.indexOf(fingerprint);
    const segment = this.directory[index] as Segment;
    const place = segment.find(fingerprint, this.homeOf(fingerprint), now);
    if (place === PRESENT) return false;
    admit();
    segment.put(fingerprint, place, expires);
    this.noteForgotten(segment);
    if (segment.isCrowded) this.rebuild(segment, index, now);
    this.sweep(now);
    return true;
  }

  private noteForgotten({ forgotten }: Segment): void {
    this.forgotten = Math.max(this.forgotten, forgotten);
  }

  private indexOf(fingerprint: Uint32Array): number {
    return this.segmentHash.word(fingerprint[0] as number) & (this.directory.length - 1);
  }

  private homeOf(fingerprint: Uint32Array): number {
    return this.slotHash.word(fingerprint[1] as number);
  }

  private sweep(now: number): void {
    this.additions += 1;
    const index = (this.additions >>> SWEEP_SHIFT) & (this.directory.length - 1);
    const segment = this.directory[index] as Segment;
    if (segment.since + SWEEP_TICKS <= now) this.rebuild(segment, index, now);
  }

  private rebuild(segment: Segment, index: number, now: number): void {
    const live = segment.countLive(now);
    this.noteForgotten(segment);
    const capacity = capacityFor(live);
    if (capacity > MAX_CAPACITY && segment.depth < MAX_DEPTH) {
      this.split(segment, index, live, now);
      return;
    }
    const rebuilt = new Segment(capacity, segment.depth, now);
    this.replace(segment, index, rebuilt, rebuilt);
    this.move(segment, now);
  }

  private split(segment: Segment, index: number, live: number, now: number): void {
    if (this.directory.length === 1 << segment.depth) {
      this.directory = this.directory.concat(this.directory);
    }
    // Room for all entries, in case their next bit is the same.
    const half = () => new Segment(live + 1, segment.depth + 1, now);
    this.replace(segment, index, half(), half());
    this.move(segment, now);
  }

  /** The bit after the shared ones selects the successor. */
  private replace(segment: Segment, index: number, lower: Segment, upper: Segment): void {
    const bit = 1 << segment.depth;
    for (let entry = index & (bit - 1); entry < this.directory.length; entry += bit) {
      this.directory[entry] = (entry & bit) === 0 ? lower : upper;
    }
  }

  private move(from: Segment, now: number): void {
    from.forEachLive(now, (fingerprint, expires) => {
      const segment = this.directory[this.indexOf(fingerprint)] as Segment;
      segment.put(fingerprint, segment.find(fingerprint, this.homeOf(fingerprint), now), expires);
    });
  }
}
