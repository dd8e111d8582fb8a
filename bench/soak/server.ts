// A token endpoint in a process of its own, with the replay store that REDIS_URL chooses. To any
// message it answers with a sample of itself.
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import express from 'express';
import { Passport } from 'passport';
import {
  MemoryReplayStore,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
} from 'passport-private-key-jwt';
import { RedisReplayStore } from 'passport-private-key-jwt/redis';
import { createClient } from 'redis';
import { ISSUER } from '../../test/support/assertion.js';
import type { Message } from './messages.js';

const { CLIENT_JWK = '', REDIS_URL } = process.env;
const collectGarbage = globalThis.gc as () => void;
const memory = new MemoryReplayStore();

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
      clockTolerance: 1,
      replay: REDIS_URL === undefined ? memory : await sharedStore(REDIS_URL),
    },
    async (clientId) =>
      clientId.startsWith('client')
        ? { clientId, secrets: [{ type: 'JsonWebKey', value: CLIENT_JWK }] }
        : undefined,
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
app.use(oauthErrorHandler());

const send = (message: Message) => process.send?.(message);
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on('message', () => {
  const [delayP99, delayMax] = [delay.percentile(99) / 1e6, delay.max / 1e6];
  // The collection is for the measurement, so its pause is not the server's.
  delay.disable();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const replayEntries = REDIS_URL === undefined ? memory.size : undefined;
  send({ sample: { usedBytes: heapUsed + arrayBuffers, delayP99, delayMax, replayEntries } });
  setImmediate(() => {
    delay.reset();
    delay.enable();
  });
});

const server = app.listen(0, '127.0.0.1', () => {
  send({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token` });
});
