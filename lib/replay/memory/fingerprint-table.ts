import { seededHash } from './seeded-hash.js';
import { capacityFor, MAX_CAPACITY, PRESENT, Segment } from './segment.js';

/** A segment is rebuilt after this many ticks, so that memory follows the number of live entries. */
const SWEEP_TICKS = 16;

/** To look at a segment at each addition would cost as much as the addition. */
const SWEEP_ADDITIONS = 16;

/** Entries whose hashes share so many bits stay together in one segment, however many they are. */
const MAX_DEPTH = 20;

/**
 * A set of fingerprints that expire, by extendible hashing: a directory, indexed by the lower bits
 * of a hash, of segments that grow and split each on its own. No step rebuilds more than one
 * segment, so that no insertion takes long, however many entries there are.
 *
 * Times are ticks: whole numbers above 0, of which the caller knows the length.
 */
export class FingerprintTable {
  private readonly segmentHash = seededHash();
  private readonly slotHash = seededHash();
  private directory: Segment[] = [new Segment(capacityFor(0), 0, 0)];
  private additions = 0;
  /**
   * The latest tick at which something expired that has been forgotten. Where time goes back, nothing
   * can be told of what expires no later than that.
   */
  forgotten = 0;

  /**
   * Adds a fingerprint that is absent.
   *
   * @param admit called before it is added; what it throws leaves the table as it was
   * @returns whether the fingerprint was absent and has been added
   */
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
    if (forgotten > this.forgotten) this.forgotten = forgotten;
  }

  private indexOf(fingerprint: Uint32Array): number {
    return this.segmentHash.word(fingerprint[0] as number) & (this.directory.length - 1);
  }

  private homeOf(fingerprint: Uint32Array): number {
    return this.slotHash.word(fingerprint[1] as number);
  }

  /** Looks after the segments in turn, one every so many additions. */
  private sweep(now: number): void {
    this.additions = (this.additions + 1) >>> 0;
    if (this.additions % SWEEP_ADDITIONS !== 0) return;
    const index = (this.additions / SWEEP_ADDITIONS) & (this.directory.length - 1);
    const segment = this.directory[index] as Segment;
    if (segment.since + SWEEP_TICKS <= now) this.rebuild(segment, index, now);
  }

  /** Leaves out what has expired; grows, shrinks or splits the segment as the rest needs it. */
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
      this.directory = [...this.directory, ...this.directory];
    }
    // Room for all of them, should the next bit be the same everywhere.
    const half = () => new Segment(live + 1, segment.depth + 1, now);
    this.replace(segment, index, half(), half());
    this.move(segment, now);
  }

  /** Points the directory at what takes a segment's place, by the bit after those that it shares. */
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
