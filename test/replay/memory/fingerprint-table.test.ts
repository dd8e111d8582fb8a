import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { FingerprintTable } from '../../../lib/replay/memory/fingerprint-table.js';
import { usedBufferBytes } from '../../support/garbage.js';

/** Five words of four bytes. */
const BYTES_PER_SLOT = 20;
const CROWDED = 12;
/** A segment that would need more slots is split. */
const MAX_SLOTS = 8192;
/** In ticks: how often the sweep comes to a segment. */
const SWEEP = 16;
/** The sweep goes to the next segment after this many additions. */
const ADDITIONS_PER_SEGMENT = 16;

/** The first word selects the segment, the second one the slot. */
type Words = Readonly<Record<number, number>>;

/** Random fingerprints that differ in every word, apart from the words that are given. */
function fingerprints(count: number, words: Words = {}): Uint32Array[] {
  const random = randomFillSync(new Uint32Array(4 * count));
  return Array.from({ length: count }, (_, number) => {
    const fingerprint = random.slice(4 * number, 4 * number + 4);
    for (let word = 0; word < 4; word += 1) {
      fingerprint[word] = words[word] ?? ((fingerprint[word] ?? 0) & 0xffff8000) | number;
    }
    return fingerprint;
  });
}

const admit = () => {};

/** Adds all, and returns how many were new. */
function addAll(
  table: FingerprintTable,
  all: readonly Uint32Array[],
  { expires, now }: { readonly expires: number; readonly now: number },
): number {
  return all.filter((fingerprint) => table.add(fingerprint, expires, now, admit)).length;
}

/** Counts the slots that all tables allocate: of the work of an addition, only this grows with a table. */
function countSlots(t: TestContext): { readonly built: () => number } {
  const Original = globalThis.Uint32Array;
  let slots = 0;
  class Counted extends Original {
    constructor(length: number) {
      super(length);
      if (length % 5 === 0) slots += length / 5;
    }
  }
  Object.assign(globalThis, { Uint32Array: Counted });
  t.after(() => Object.assign(globalThis, { Uint32Array: Original }));
  return { built: () => slots };
}

const populations: readonly {
  readonly name: string;
  readonly entries: number;
  readonly words?: Words;
}[] = [
  { name: 'one', entries: 1 },
  { name: 'as many as crowd a segment', entries: CROWDED },
  { name: 'several segments', entries: 6000 },
  { name: 'all hashes select one slot', entries: 100, words: { 0: 7, 1: 7 } },
  { name: 'they differ in the first word', entries: 50, words: { 1: 7, 2: 7, 3: 7 } },
  { name: 'they differ in the second word', entries: 500, words: { 0: 7, 2: 7, 3: 7 } },
  { name: 'they differ in the third word', entries: 50, words: { 0: 7, 1: 7, 3: 7 } },
  { name: 'they differ in the fourth word', entries: 50, words: { 0: 7, 1: 7, 2: 7 } },
];

for (const { name, entries, words } of populations) {
  test(`an entry is present until the tick in which it expires: ${name}`, () => {
    const table = new FingerprintTable();
    const all = fingerprints(entries, words);
    assert.equal(addAll(table, all, { expires: 5, now: 1 }), all.length);
    assert.equal(addAll(table, all, { expires: 9, now: 4 }), 0);
    assert.equal(addAll(table, all, { expires: 9, now: 5 }), all.length);
    assert.equal(addAll(table, all, { expires: 10, now: 8 }), 0);
  });
}

test('an entry that is not admitted is not present, and one that is present is not admitted', () => {
  const table = new FingerprintTable();
  const [used] = fingerprints(1) as [Uint32Array];
  const refuse = () => {
    throw new Error('No room.');
  };
  assert.throws(() => table.add(used, 5, 1, refuse), { message: 'No room.' });
  assert.equal(table.add(used, 5, 1, admit), true);
  assert.equal(table.add(used, 5, 1, refuse), false);
});

test('a segment is replaced once three quarters of its slots are used, by one that is half full', (t) => {
  const table = new FingerprintTable();
  const slots = countSlots(t);
  const builtBy = (additions: number) => {
    const all = fingerprints(additions);
    const before = slots.built();
    addAll(table, all, { expires: 5, now: 1 });
    return slots.built() - before;
  };
  assert.deepEqual([builtBy(CROWDED - 1), builtBy(1)], [0, 24]);
  assert.deepEqual([builtBy(5), builtBy(1)], [0, 36]);
});

test('expired slots are used again, so steady traffic needs no new segment', (t) => {
  const table = new FingerprintTable();
  const all = Array.from({ length: SWEEP }, () => fingerprints(CROWDED - 1, { 0: 7, 1: 7 }));
  const slots = countSlots(t);
  for (let now = 1; now < SWEEP; now += 1) {
    assert.equal(addAll(table, all[now] ?? [], { expires: now + 1, now }), CROWDED - 1);
  }
  assert.equal(slots.built(), 0);
});

test('no addition builds more than two halves of one segment, however many entries there are', (t) => {
  const table = new FingerprintTable();
  const all = fingerprints(9000);
  const slots = countSlots(t);
  let most = 0;
  for (const fingerprint of all) {
    const before = slots.built();
    table.add(fingerprint, 5, 1, admit);
    most = Math.max(most, slots.built() - before);
  }
  const ofCrowded = 0.75 * MAX_SLOTS + 1;
  assert.ok(most > ofCrowded && most <= 2 * ofCrowded, `${most} slots`);
  assert.ok(slots.built() < 8 * all.length, `${slots.built()} slots in all`);
});

/** They fill four segments, which are far from being crowded. */
const ENTRIES = 15_000;
const SEGMENTS = 4;

test('memory follows the number of live entries, also in segments that receive no additions', async (t) => {
  const all = fingerprints(ENTRIES);
  const table = new FingerprintTable();
  const before = await usedBufferBytes();
  addAll(table, all, { expires: 1 + SWEEP, now: 1 });
  const full = (await usedBufferBytes()) - before;
  const perEntry = full / ENTRIES;
  assert.ok(perEntry > BYTES_PER_SLOT && perEntry < 2.1 * BYTES_PER_SLOT, `${perEntry} bytes`);

  const [some = [], others = []] = [1, 2].map(() =>
    fingerprints(SEGMENTS * ADDITIONS_PER_SEGMENT, { 0: 7 }),
  );
  const slots = countSlots(t);
  addAll(table, some, { expires: 1 + SWEEP, now: SWEEP });
  assert.equal(slots.built(), 0);
  addAll(table, others, { expires: 100, now: 1 + SWEEP });
  assert.ok(slots.built() < 1000, `${slots.built()} slots`);
  const later = (await usedBufferBytes()) - before;
  assert.ok(later < full / 10, `${later} of ${full} bytes`);
});

test('the latest expiry among the entries that were dropped is known, in whatever order they go', () => {
  const inTurn = Array.from({ length: 10 }, (_, number) => 2 + number);
  for (const order of [inTurn, inTurn.toReversed()]) {
    const table = new FingerprintTable();
    for (const expires of order) addAll(table, fingerprints(1), { expires, now: 1 });
    assert.equal(table.forgotten, 0);
    addAll(table, fingerprints(1), { expires: SWEEP + 1, now: SWEEP });
    assert.equal(table.forgotten, 11);
  }
});

test('an entry that makes room for another one is known to be dropped, even after the clock went back', () => {
  const table = new FingerprintTable();
  const next = () => fingerprints(1, { 0: 7, 1: 7 });
  const forgotten = [
    { expires: 8, now: 1 },
    { expires: 3, now: 8 },
    { expires: 12, now: 4 },
    { expires: 13, now: 12 },
  ].map((each) => {
    assert.equal(addAll(table, next(), each), 1);
    return table.forgotten;
  });
  assert.deepEqual(forgotten, [0, 8, 8, 12]);
});
