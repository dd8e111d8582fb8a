import { newAssertion, newKeys, type SignedBytes, signedBytes } from './assertions.js';
import { type Cost, costInFlight } from './harness/in-flight.js';
import type { Answer, Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { clientWith, rawVerify, validation } from './validation/subjects.js';

const IN_FLIGHT = 64;
const ASSERTIONS = 3000;
/** The turns of each subject in a round: single ones differ by a tenth. */
const TURNS = 3;
const ALGORITHMS = ['RS256', 'ES256'] as const;
/** Microseconds of other work on the main thread. */
const OTHER_WORK = [1, 2, 4, 8] as const;

type Check = (signed: SignedBytes) => unknown;

/** A check that is preceded by so much work of the main thread. */
const after = (microseconds: number, check: Check): Check => {
  const milliseconds = microseconds / 1000;
  return (signed) => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    return check(signed);
  };
};

const members = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

/** The least that must be read before a signature can be checked: two objects and three decodings. */
function read(assertion: string): SignedBytes {
  const [header = '', payload = ''] = assertion.split('.');
  members(header);
  members(payload);
  return signedBytes(assertion);
}

/** What any validation can reach at best, given what it does before the signature. */
export async function question({ rounds, scale }: Effort): Promise<Answer> {
  const count = Math.ceil(ASSERTIONS * scale);
  const all = new Map<string, Record<string, Cost>>();
  for (const alg of ALGORITHMS) {
    const keys = newKeys(alg);
    const assertions = Array.from({ length: count }, () => newAssertion(keys));
    const bytes = assertions.map(signedBytes);
    const check = rawVerify(keys);
    const client = clientWith(keys);
    const ours = validation(() => client);
    const assertion = (index: number) => assertions[index] ?? '';
    const ofBytes = (each: Check) => (index: number) => each(bytes[index] as SignedBytes);
    const subjects: Readonly<Record<string, (index: number) => unknown>> = {
      'the signature alone': ofBytes(check),
      ...Object.fromEntries(
        OTHER_WORK.map((microseconds) => [
          `the same after ${microseconds} µs of the main thread`,
          ofBytes(after(microseconds, check)),
        ]),
      ),
      'header and claims read with JSON.parse, then the signature': (index) =>
        check(read(assertion(index))),
      'the full validation': (index) => ours.validate(assertion(index)),
    };
    const names = Object.keys(subjects);
    const measure = async (name: string): Promise<Record<keyof Cost, number>> => {
      ours.reset();
      return { ...(await costInFlight(subjects[name] ?? (() => {}), count, IN_FLIGHT)) };
    };
    for (const name of names) await measure(name);
    all.set(alg, await alternate(rounds * TURNS, names, measure));
  }
  return {
    title: 'How near the signature alone a validation can come',
    text: [
      `The thread pool checks signatures on as many cores as there are; where the main thread needs one of them too, each microsecond of it is missing there. So what precedes the signature sets the share that can be reached: ${IN_FLIGHT} in flight, the share is that of the signature alone a second.`,
    ],
    targets: [],
    tables: ALGORITHMS.map((alg) => {
      const costs = Object.entries(all.get(alg) ?? {});
      const floor = costs[0]?.[1].wall ?? Number.NaN;
      return {
        caption: alg,
        head: ['', 'µs each', 'share'],
        rows: costs.map(([name, { wall }]) => [name, wall.toFixed(1), (floor / wall).toFixed(2)]),
      };
    }),
  };
}
