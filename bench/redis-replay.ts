import { newKeys } from './assertions.js';
import { type Answer, atLeast, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { formsWithAssertions } from './http/forms.js';
import { LoadedServers, type RequestCost } from './http/loaded-server.js';
import { startRedis } from './http/redis.js';

const IN_FLIGHT = 64;
const REQUESTS = 2000;
const WARM_UPS = 3;

const MEMORY = 'memory';

type StoreKind = 'memory' | 'redis';

/** Where used assertions are remembered, and the arguments of `redis-server`. */
const STORES: Readonly<Record<string, readonly string[] | undefined>> = {
  [MEMORY]: undefined,
  'Redis in memory': ['--appendonly', 'no'],
  'Redis, appendfsync everysec': ['--appendonly', 'yes', '--appendfsync', 'everysec'],
  'Redis, appendfsync always': ['--appendonly', 'yes', '--appendfsync', 'always'],
};

/** What a replay store in Redis costs, beside the one in memory. */
export async function question({ rounds, scale }: Effort): Promise<Answer> {
  const keys = newKeys('ES256');
  const count = Math.ceil(REQUESTS * scale);
  const servers = new Map<string, LoadedServers<StoreKind>>();
  const stops: (() => unknown)[] = [];
  try {
    for (const [name, args] of Object.entries(STORES)) {
      const redis = args && (await startRedis(args));
      if (redis !== undefined) stops.push(() => redis.stop());
      const env: Record<string, string> = redis === undefined ? {} : { REDIS_URL: redis.url };
      const kinds = [redis === undefined ? 'memory' : 'redis'] as const;
      const server = await LoadedServers.start<StoreKind>(kinds, keys, IN_FLIGHT, env);
      stops.unshift(() => server.stop());
      servers.set(name, server);
    }
    const load = async (name: string): Promise<Record<keyof RequestCost, number>> => ({
      ...(await (servers.get(name) as LoadedServers<StoreKind>).load(
        name === MEMORY ? 'memory' : 'redis',
        formsWithAssertions(keys, count),
      )),
    });
    const names = Object.keys(STORES);
    for (const name of names) for (let time = 0; time < WARM_UPS; time += 1) await load(name);
    const costs = await alternate(rounds, names, load);
    const perSecond = (name: string) => 1e6 / (costs[name]?.wall ?? Number.NaN);

    return {
      title: 'The replay store in Redis',
      text: [
        `Over HTTP, ES256, ${IN_FLIGHT} in flight, with Redis, the server and what loads it on the same machine.`,
      ],
      targets: names
        .filter((name) => name !== MEMORY)
        .map((name) =>
          atLeast(
            `requests a second, ${name} / ${MEMORY}`,
            perSecond(name) / perSecond(MEMORY),
            0.8,
          ),
        ),
      tables: [
        {
          caption: 'Figures',
          head: ['replay store', 'requests a second', 'µs of the server a request'],
          rows: names.map((name) => [
            name,
            perSecond(name).toFixed(0),
            (costs[name]?.cpu ?? Number.NaN).toFixed(0),
          ]),
        },
      ],
    };
  } finally {
    for (const stop of stops) await stop();
  }
}
