import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { createClient as createClient4 } from 'redis4';
import type { RedisClient } from '../../lib/replay/redis.js';

/** A client of one of the packages, connected to a server for the time of a test. */
export type Connect = (t: TestContext, url: string) => Promise<RedisClient>;

// Connection errors are what the tests are about: the store has to live with them.
const ignore = () => undefined;

/** The packages whose clients the store takes. */
export const CLIENTS: readonly { readonly name: string; readonly connect: Connect }[] = [
  {
    name: 'node-redis',
    async connect(t, url) {
      const client = createClient({ url });
      client.on('error', ignore);
      t.after(() => client.destroy());
      await client.connect();
      return client;
    },
  },
  {
    name: 'node-redis 4',
    async connect(t, url) {
      const client = createClient4({ url });
      client.on('error', ignore);
      t.after(async () => {
        if (client.isOpen) await client.disconnect();
      });
      await client.connect();
      return client;
    },
  },
  {
    name: 'ioredis',
    async connect(t, url) {
      const client = new Redis(url, { lazyConnect: true });
      client.on('error', ignore);
      t.after(() => client.disconnect());
      await client.connect();
      return client;
    },
  },
];
