import { ClientAuthenticationError, type Reason } from 'passport-private-key-jwt';
import { CLIENT_ID, newAssertion, newKeys } from './assertions.js';
import { type Cost, costInFlight } from './harness/in-flight.js';
import { type Answer, atMost, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { clientWith, validation } from './validation/subjects.js';

const IN_FLIGHT = 64;
const ASSERTIONS = 3000;

/** What is refused, and why. */
const JUNK: Readonly<Record<string, readonly [Reason, (number: number) => string]>> = (() => {
  const keys = newKeys('ES256');
  const past = Math.floor(Date.now() / 1000) - 3600;
  const base64 = newAssertion(keys);
  return {
    expired: [
      'expired',
      () => newAssertion(keys, { claims: { iat: past, nbf: past, exp: past + 60 } }),
    ],
    'wrong audience': [
      'audience_mismatch',
      () => newAssertion(keys, { claims: { aud: 'https://other.example' } }),
    ],
    'unknown client': ['unknown_client', () => newAssertion(keys, { clientId: 'nobody' })],
    'bad base64': ['assertion_malformed', (number) => `${base64}${number % 10}=`],
    'a megabyte': ['assertion_too_long', () => `${base64}.${'x'.repeat(2 ** 20)}`],
  };
})();

const VALID = 'valid';
const ERROR = 'an error that is thrown and caught';

async function refuseAtOnce(): Promise<never> {
  throw new ClientAuthenticationError({ reason: 'assertion_malformed' });
}

/** What refusing junk costs, beside a valid assertion. */
export async function question({ rounds, scale }: Effort): Promise<Answer> {
  const count = Math.ceil(ASSERTIONS * scale);
  // The cheapest of the signatures, so that the comparison is the hardest.
  const keys = newKeys('RS256');
  const client = clientWith(keys);
  const ours = validation((clientId) => (clientId === CLIENT_ID ? client : undefined));
  const batch = (make: (number: number) => string, size = count) =>
    Array.from({ length: size }, (_, number) => make(number));
  const assertions: Readonly<Record<string, readonly string[]>> = {
    [VALID]: batch(() => newAssertion(keys)),
    ...Object.fromEntries(
      Object.entries(JUNK).map(([name, [, make]]) => [
        name,
        batch(make, name === 'a megabyte' ? Math.min(count, 100) : count),
      ]),
    ),
  };

  async function mustBeRefused(assertion: string, reason: Reason): Promise<void> {
    const refused = await ours.validate(assertion).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused instanceof ClientAuthenticationError && refused.reason === reason) return;
    throw new Error(`Junk was not refused as ${reason}.`);
  }

  async function cost(name: string): Promise<Record<keyof Cost, number>> {
    ours.reset();
    const all = assertions[name] ?? [];
    const at = (index: number) => all[index % all.length] ?? '';
    const reason = JUNK[name]?.[0];
    const work =
      reason === undefined
        ? (index: number) => ours.validate(at(index))
        : (index: number) => mustBeRefused(at(index), reason);
    return { ...(await costInFlight(work, count, IN_FLIGHT)) };
  }

  async function errorCost(): Promise<Record<keyof Cost, number>> {
    const work = () => refuseAtOnce().catch(() => {});
    return { ...(await costInFlight(work, count, IN_FLIGHT)) };
  }

  const names = [VALID, ERROR, ...Object.keys(JUNK)];
  const measure = (name: string) => (name === ERROR ? errorCost() : cost(name));
  for (const name of names) await measure(name);
  const costs = await alternate(rounds, names, measure);
  const ratio = (name: string, to = VALID) =>
    (costs[name]?.cpu ?? Number.NaN) / (costs[to]?.cpu ?? 0);
  return {
    title: 'Refusing junk',
    text: [
      `Processor time of the validator, ${IN_FLIGHT} in flight, beside a valid assertion with RS256, the cheapest public-key signature to check. Parsing the body is Express's work and not in it.`,
      'Every refusal is an error with a stack, so an error that is thrown and caught is the floor of each.',
    ],
    targets: Object.keys(JUNK).map((name) =>
      name === 'a megabyte'
        ? atMost(`${name} / ${ERROR}`, ratio(name, ERROR), 1.5)
        : atMost(`${name} / valid`, ratio(name), 0.25),
    ),
    tables: [
      {
        caption: 'Figures',
        head: ['', 'µs of processor time'],
        rows: names.map((name) => [name, (costs[name]?.cpu ?? Number.NaN).toFixed(1)]),
      },
    ],
  };
}
