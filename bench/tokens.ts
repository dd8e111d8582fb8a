import { randomUUID } from 'node:crypto';
import { allowInsecureRequests, Configuration, customFetch } from 'openid-client';
import {
  AssertionService,
  ClientTokenManager,
  clientAssertion,
  MemoryTokenStore,
  UserTokenManager,
} from 'passport-private-key-jwt/client';
import { RedisLock, RedisTokenStore } from 'passport-private-key-jwt/client/redis';
import { createClient } from 'redis';
import { CLIENT_ID, ISSUER, newKeys } from './assertions.js';
import { costInFlight } from './harness/in-flight.js';
import { type Answer, atMost, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { startRedis } from './http/redis.js';

const CACHED = 200_000;
const FROM_REDIS = 4000;
const REFRESHES = 400;

/** A configuration whose provider answers at once. */
function configuration(): Configuration {
  const assertions = new AssertionService({ clientId: CLIENT_ID, key: newKeys('ES256').signing });
  const config = new Configuration(
    { issuer: ISSUER, token_endpoint: `${ISSUER}/token` },
    CLIENT_ID,
    undefined,
    clientAssertion(assertions),
  );
  allowInsecureRequests(config);
  config[customFetch] = async () =>
    Response.json({
      access_token: randomUUID(),
      refresh_token: randomUUID(),
      token_type: 'bearer',
      expires_in: 3600,
    });
  return config;
}

const tokens = {
  access_token: 'access token',
  refresh_token: 'refresh token',
  token_type: 'bearer',
  expires_in: 3600,
} as const;

/** What a token costs: from memory, from Redis, and by a refresh. */
export async function question({ rounds, scale }: Effort): Promise<Answer> {
  const config = configuration();
  const redis = await startRedis(['--appendonly', 'no']);
  const client = createClient({ url: redis.url });
  client.on('error', () => {});
  await client.connect();
  try {
    const map = new Map([['session', tokens]]);
    const session = { sessionID: 'session' };
    const inMemory = new UserTokenManager({ config, store: new MemoryTokenStore() });
    const ofClient = new ClientTokenManager({ config });
    const store = new RedisTokenStore(client);
    const inRedis = new UserTokenManager({ config, store });
    const withLock = new UserTokenManager({ config, store, lock: new RedisLock(client) });
    await inMemory.save(session, tokens);
    await inRedis.save(session, tokens);
    const [key = ''] = await client.keys('private-key-jwt:tokens:user-token:*');
    const refresh = async (users: UserTokenManager) => {
      const { accessToken } = await inRedis.getToken(session);
      return users.getToken(session, accessToken);
    };
    const subjects = {
      'a Map and an await': { count: CACHED, work: async () => await map.get('session') },
      'UserTokenManager, memory': { count: CACHED, work: () => inMemory.getToken(session) },
      'ClientTokenManager, memory': {
        count: CACHED,
        work: () => ofClient.getToken({ scope: 'orders' }),
      },
      'one GET of Redis': {
        count: FROM_REDIS,
        work: () => client.get(key),
      },
      'UserTokenManager, Redis': { count: FROM_REDIS, work: () => inRedis.getToken(session) },
      'a refresh, and a look before it': { count: REFRESHES, work: () => refresh(inRedis) },
      'the same with the lock': { count: REFRESHES, work: () => refresh(withLock) },
    };
    type Name = keyof typeof subjects;
    const names = Object.keys(subjects) as Name[];
    const measure = async (name: Name) => {
      const { count, work } = subjects[name];
      const { wall } = await costInFlight(work, Math.ceil(count * scale), 1);
      return { wall };
    };
    for (const name of names) await measure(name);
    const costs = await alternate(rounds, names, measure);
    const cost = (name: Name) => costs[name].wall;
    const ratio = (one: Name, other: Name) => cost(one) / cost(other);
    const lock = cost('the same with the lock') - cost('a refresh, and a look before it');
    return {
      title: 'Tokens',
      text: [
        'One call at a time. Redis is on the same machine, and the provider answers at once: what a refresh costs here is the assertion and the store. `test/client/tokens/redis.slow.test.ts` counts the round trips.',
      ],
      targets: [
        atMost(
          'UserTokenManager.getToken from memory / a Map look-up with an await',
          ratio('UserTokenManager, memory', 'a Map and an await'),
          2,
        ),
        atMost(
          'ClientTokenManager.getToken from memory / a Map look-up with an await',
          ratio('ClientTokenManager, memory', 'a Map and an await'),
          2,
        ),
        atMost(
          'UserTokenManager.getToken from Redis / one GET',
          ratio('UserTokenManager, Redis', 'one GET of Redis'),
          1.5,
        ),
        atMost('the lock of a refresh / one GET', lock / cost('one GET of Redis'), 3),
      ],
      tables: [
        {
          caption: 'µs each',
          head: ['', 'µs'],
          rows: names.map((name) => [name, cost(name).toFixed(2)]),
        },
      ],
    };
  } finally {
    client.destroy();
    await redis.stop();
  }
}
