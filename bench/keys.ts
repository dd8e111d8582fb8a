import { randomInt } from 'node:crypto';
import type { AssertionClient, Secret } from 'passport-private-key-jwt';
import { CLIENT_ID, type Keys, newAssertion, newKeys } from './assertions.js';
import { type Cost, costInFlight } from './harness/in-flight.js';
import { type Answer, atMost, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { validation } from './validation/subjects.js';

const IN_FLIGHT = 64;
const ASSERTIONS = 3000;
const MANY_CLIENTS = 10_000;

/** A server's clients, and assertions of theirs. */
interface Population {
  readonly clients: ReadonlyMap<string, AssertionClient>;
  /** An assertion of any of the clients by any of its keys. */
  readonly assertion: () => string;
  /** One for each key, so that all are known before it counts. */
  readonly each: () => Iterable<string>;
}

const jwkSecret = ({ jwk }: Keys): Secret => ({ type: 'JsonWebKey', value: jwk });

/** One client with so many secrets. */
function oneClient(secrets: number): Population {
  const keys = Array.from({ length: secrets }, (_, number) => newKeys('ES256', `key-${number}`));
  const client = { clientId: CLIENT_ID, secrets: keys.map(jwkSecret) };
  const sign = (pair: Keys | undefined) => newAssertion(pair as Keys);
  return {
    clients: new Map([[CLIENT_ID, client]]),
    assertion: () => sign(keys[randomInt(keys.length)]),
    each: function* () {
      for (const pair of keys) yield sign(pair);
    },
  };
}

/** So many clients with one secret each. */
function manyClients(count: number): Population {
  const all = Array.from({ length: count }, (_, number) => ({
    clientId: `client-${number}`,
    keys: newKeys('ES256'),
  }));
  const clients = all.map(
    ({ clientId, keys }) => [clientId, { clientId, secrets: [jwkSecret(keys)] }] as const,
  );
  const sign = (one: (typeof all)[number] | undefined) => {
    const { keys, clientId } = one as (typeof all)[number];
    return newAssertion(keys, { clientId });
  };
  return {
    clients: new Map(clients),
    assertion: () => sign(all[randomInt(all.length)]),
    each: function* () {
      for (const one of all) yield sign(one);
    },
  };
}

/** A validator that knows all keys of a population, and what measures it. */
async function subject(population: Population, count: number) {
  const ours = validation((clientId) => population.clients.get(clientId));
  for (const assertion of population.each()) await ours.validate(assertion);
  return async (): Promise<Record<keyof Cost, number>> => {
    ours.reset();
    const assertions = Array.from({ length: count }, population.assertion);
    return {
      ...(await costInFlight((index) => ours.validate(assertions[index] ?? ''), count, IN_FLIGHT)),
    };
  };
}

/** Whether many secrets or clients make the search for a key longer. */
export async function question({ rounds, scale }: Effort): Promise<Answer> {
  const count = Math.ceil(ASSERTIONS * scale);
  const many = Math.ceil(MANY_CLIENTS * scale);
  const populations: Readonly<Record<string, Population>> = {
    'one client, 1 secret': oneClient(1),
    'one client, 10 secrets': oneClient(10),
    'one client, 1,000 secrets': oneClient(1000),
    '10 clients, 1 secret each': manyClients(10),
    [`${many.toLocaleString('en')} clients, 1 secret each`]: manyClients(many),
  };
  const [first = '', ...others] = Object.keys(populations);
  const subjects = new Map<string, Awaited<ReturnType<typeof subject>>>();
  for (const [name, population] of Object.entries(populations)) {
    subjects.set(name, await subject(population, count));
  }
  const names = [first, ...others];
  const measure = async (name: string) =>
    (subjects.get(name) as Awaited<ReturnType<typeof subject>>)();
  for (const name of names) await measure(name);
  const costs = await alternate(rounds, names, measure);
  const ratio = (name: string) => (costs[name]?.wall ?? Number.NaN) / (costs[first]?.wall ?? 0);

  return {
    title: 'Many secrets, many clients',
    text: [
      `ES256, ${IN_FLIGHT} in flight. Each assertion has a \`kid\`, and a client and key at random; all keys have been used before and are in the cache, which has room for 10,000.`,
      'With 1,000 secrets or 10,000 clients, what remains of the difference is memory: a key that was chosen among so many is in no cache of the processor. So these two have no target.',
    ],
    targets: others
      .filter((name) => name.includes('10 '))
      .map((name) => atMost(`${name} / ${first}`, ratio(name), 1.1)),
    tables: [
      {
        caption: 'Figures',
        head: ['', 'ratio', 'µs each', 'µs of processor time'],
        rows: names.map((name) => [
          name,
          ratio(name).toFixed(2),
          (costs[name]?.wall ?? Number.NaN).toFixed(1),
          (costs[name]?.cpu ?? Number.NaN).toFixed(1),
        ]),
      },
    ],
  };
}
