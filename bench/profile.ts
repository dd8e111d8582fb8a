import { Session } from 'node:inspector/promises';
import { newAssertion, newKeys } from './assertions.js';
import { costInFlight } from './harness/in-flight.js';
import type { Answer, Effort } from './harness/question.js';
import { clientWith, validation } from './validation/subjects.js';

const IN_FLIGHT = 64;
const ASSERTIONS = 30_000;
const SHOWN = 14;

type Node = Awaited<ReturnType<typeof profileOf>>['nodes'][number];

/** What the main thread does while something runs, every tenth of a millisecond. */
async function profileOf(run: () => Promise<unknown>) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 100 });
  await session.post('Profiler.start');
  await run();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return profile;
}

/** Where a function is: in Node itself, in the package, or below JavaScript. */
function place({ functionName, url }: Node['callFrame']): string {
  if (functionName === '(idle)') return 'waiting for the thread pool';
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'Node below JavaScript';
  const name = functionName || 'anonymous';
  if (url.startsWith('node:')) return `${url}: ${name}`;
  return url === '' ? `built in: ${name}` : name;
}

/** The parts of the time at each place, the largest first. */
function shares(nodes: readonly Node[]): [string, number][] {
  const hits = new Map<string, number>();
  let all = 0;
  for (const { callFrame, hitCount = 0 } of nodes) {
    const name = place(callFrame);
    hits.set(name, (hits.get(name) ?? 0) + hitCount);
    all += hitCount;
  }
  return [...hits]
    .map(([name, count]): [string, number] => [name, count / all])
    .sort(([, one], [, other]) => other - one);
}

/** Where the main thread is while it validates. */
export async function question({ scale }: Effort): Promise<Answer> {
  const keys = newKeys('RS256');
  const count = Math.ceil(ASSERTIONS * scale);
  const assertions = Array.from({ length: count }, () => newAssertion(keys));
  const client = clientWith(keys);
  const ours = validation(() => client);
  const run = () =>
    costInFlight((index) => ours.validate(assertions[index] ?? ''), count, IN_FLIGHT);
  await run();
  ours.reset();
  const { nodes } = await profileOf(run);
  const largest = shares(nodes).slice(0, SHOWN);
  return {
    title: 'Where the time goes',
    text: [
      `What the main thread does during full validations with RS256, ${IN_FLIGHT} in flight, from a profile with a sample every 0.1 ms. Functions without a place are the library's; the signatures themselves are computed on the thread pool and so are not in it.`,
      '`SignJob` and the built-in `run` are the hand-over of a signature to the thread pool, which the signature alone pays too.',
    ],
    targets: [],
    tables: [
      {
        caption: `The ${SHOWN} largest shares`,
        head: ['', 'share'],
        rows: largest.map(([name, share]) => [name, `${(share * 100).toFixed(1)} %`]),
      },
    ],
  };
}
