// Fills a store, then keeps it at that size while entries come and expire: `fill KIND ENTRIES`.
// A process of its own, so that no store finds another's heap.
import { randomBytes } from 'node:crypto';
import { MemoryReplayStore, type ReplayEntry } from 'passport-private-key-jwt';
import { usedBytes } from '../../test/support/garbage.js';

/** What one process has measured. */
export interface Filled {
  /** Nanoseconds per insertion at that size. */
  readonly insertion: number;
  /** The longest insertion, in milliseconds. */
  readonly longest: number;
  readonly bytesPerEntry: number;
}

const LIFETIME = 120;
const CLIENTS = 100;
const MEASURED = 200_000;

const [kind, size] = process.argv.slice(2);
const entries = Number(size);
let time = 1_700_000_000;

/** The peer: a Map that never forgets. */
function plainMap() {
  const expiries = new Map<string, number>();
  return {
    insert({ key, expiresAt }: ReplayEntry): boolean {
      if (expiries.has(key)) return false;
      expiries.set(key, expiresAt);
      return true;
    },
  };
}

// The store reads the time of the process.
Date.now = () => time * 1000;

const memory = (maxEntries: number) => new MemoryReplayStore({ maxEntries });

const makeStore = () => (kind === 'map' ? plainMap() : memory(20_000_000));

const KEY_BYTES = 32;

/** From one buffer, because many would make each pause of the garbage collector longer. */
function newEntries(count: number): ReplayEntry[] {
  const bytes = randomBytes(count * KEY_BYTES);
  return Array.from({ length: count }, (_, number) => ({
    key: bytes.toString('base64url', number * KEY_BYTES, (number + 1) * KEY_BYTES),
    issuer: 'https://as.example',
    clientId: `client ${number % CLIENTS}`,
    expiresAt: 0,
  }));
}

/** Inserts so many entries, while as much time passes as they need to expire. */
function insertAll(store: ReturnType<typeof makeStore>, batch: readonly ReplayEntry[], of: number) {
  let longest = 0;
  for (const entry of batch) {
    time += LIFETIME / of;
    const started = performance.now();
    if (!store.insert({ ...entry, expiresAt: time + LIFETIME })) throw new Error('A key is there.');
    longest = Math.max(longest, performance.now() - started);
  }
  return longest;
}

const BATCH = 1000;

// The compiler has seen all of it before anything counts.
insertAll(makeStore(), newEntries(60 * BATCH), 20 * BATCH);

const before = await usedBytes();
const store = makeStore();
const longest: number[] = [];
for (let filled = 0; filled < entries; filled += BATCH) {
  longest.push(insertAll(store, newEntries(Math.min(BATCH, entries - filled)), entries));
}
const bytesPerEntry = ((await usedBytes()) - before) / entries;

let elapsed = 0;
for (let measured = 0; measured < MEASURED; measured += BATCH) {
  const batch = newEntries(BATCH);
  const started = performance.now();
  longest.push(insertAll(store, batch, entries));
  elapsed += performance.now() - started;
}

const filled: Filled = {
  insertion: (elapsed / MEASURED) * 1e6,
  longest: Math.max(...longest),
  bytesPerEntry,
};
process.send?.(filled);
