/**
 * A token endpoint in a process of its own. It ends on SIGTERM as a service should: it takes no new
 * connections, and finishes what it has begun.
 */
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { Passport } from 'passport';
import { createClient } from 'redis';
import {
  type AssertionClient,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
} from '../../../lib/index.js';
import { RedisReplayStore } from '../../../lib/replay/redis.js';
import { ISSUER } from '../assertion.js';

const { CLIENT_JWK = '', REDIS_URL, LOOKUP_MILLISECONDS = '0' } = process.env;

const client: AssertionClient = {
  clientId: 'client',
  secrets: [{ type: 'JsonWebKey', value: CLIENT_JWK }],
};

async function sharedStore(url: string) {
  const redis = createClient({ url });
  redis.on('error', console.error);
  await redis.connect();
  return new RedisReplayStore(redis, { timeout: 2 });
}

const passport = new Passport();
passport.use(
  new PrivateKeyJwtStrategy(
    {
      issuer: ISSUER,
      replay: REDIS_URL === undefined ? undefined : await sharedStore(REDIS_URL),
    },
    async () => {
      if (LOOKUP_MILLISECONDS !== '0') await sleep(Number(LOOKUP_MILLISECONDS));
      return client;
    },
  ),
);

const app = express();
app.post(
  '/token',
  express.urlencoded({ extended: false }),
  passport.authenticate('private-key-jwt', { session: false, failWithError: true }),
  (_request, response) => {
    response.end();
  },
);
app.get('/process', (_request, response) => {
  response.end(String(process.pid));
});
app.use(oauthErrorHandler());

const server = createServer(app).listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`${cluster.isWorker ? 'worker' : 'server'} http://127.0.0.1:${port}`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
