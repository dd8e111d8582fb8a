import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { lowerQuartile } from './harness/median.js';
import type { Filled } from './memory-replay/fill.js';

const KINDS = ['memory', 'map'] as const;
const SIZES = [10_000, 100_000, 1_000_000, 5_000_000] as const;
const NAMES = { memory: 'MemoryReplayStore', map: 'plain Map' } as const;

const FILL = fileURLToPath(new URL('fill.js', import.meta.url));

async function fill(kind: string, entries: number): Promise<Filled> {
  const child = fork(FILL, [kind, String(entries)]);
  const [filled] = (await once(child, 'message')) as [Filled];
  return filled;
}

const target = (what: string, measured: number, limit: number, unit = '') => ({
  what,
  target: `≤ ${limit}${unit}`,
  measured: `${measured.toFixed(2)}${unit}`,
  met: measured <= limit,
});

/** What an insertion and an entry cost, from 10,000 live entries to five million. */
export async function question({ rounds, scale }: { rounds: number; scale: number }) {
  const results = new Map<string, Filled[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const size of SIZES) {
      for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
        const id = `${kind} ${size}`;
        const filled = await fill(kind, Math.ceil(size * scale));
        results.set(id, [...(results.get(id) ?? []), filled]);
      }
    }
  }
  const quartileOf = (kind: string, size: number, part: keyof Filled) =>
    lowerQuartile((results.get(`${kind} ${size}`) ?? []).map((filled) => filled[part]));

  const growth =
    quartileOf('memory', SIZES[3], 'insertion') / quartileOf('memory', SIZES[0], 'insertion');
  const bytes = Math.max(
    ...SIZES.slice(1).map((size) => quartileOf('memory', size, 'bytesPerEntry')),
  );
  const longest = Math.max(...SIZES.map((size) => quartileOf('memory', size, 'longest')));
  return {
    title: 'The memory replay store, from 10,000 live entries to five million',
    text: [
      'Entries come and expire at the same rate, so that their number stays. The peer is a plain Map from key to expiry that never removes any. The longest insertion includes the pauses of the garbage collector and of a busy machine.',
    ],
    tables: [
      {
        caption: 'Figures',
        head: ['live entries', 'store', 'ns per insertion', 'longest, ms', 'bytes per entry'],
        rows: SIZES.flatMap((size) =>
          KINDS.map((kind) => [
            size.toLocaleString('en'),
            NAMES[kind],
            quartileOf(kind, size, 'insertion').toFixed(0),
            quartileOf(kind, size, 'longest').toFixed(1),
            quartileOf(kind, size, 'bytesPerEntry').toFixed(0),
          ]),
        ),
      },
    ],
    targets: [
      target('insertion at 5,000,000 entries / at 10,000', growth, 1.3),
      target('bytes per live entry', bytes, 100),
      target('longest insertion', longest, 10, ' ms'),
    ],
  };
}
