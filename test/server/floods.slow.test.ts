import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type AssertionClient,
  ClientAssertionValidator,
  clientMetadataDocuments,
  MemoryReplayStore,
  type ReplayStore,
} from '../../lib/index.js';
import { signAssertion } from '../support/assertion.js';
import { jwkSecret } from '../support/attacks.js';
import { clientAt, jwksHost, namedKey, signNamed } from '../support/jwks-host.js';
import { keyPair } from '../support/keys.js';
import { remoteHost, remoteOptions } from '../support/remote-host.js';
import { requestWith } from '../support/validator.js';

// One stranger floods a table that strangers can fill: honest clients keep at least half of their
// speed. Quiet and flooded rounds take turns, so that a busy machine slows both; the median of the
// best round counts, and a bad run is repeated.

const ROUNDS = 4;
const SAMPLES = 15;
const TRIES = 4;

/** The median time of one run, in milliseconds. */
async function median(run: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[SAMPLES >> 1] ?? Number.NaN;
}

/** A flood that lasts until it is stopped. */
type Flood = () => Promise<() => Promise<void>>;

/** Holds honest clients to twice their quiet latency, and lets them fail never. */
async function assertFair(t: TestContext, honest: () => Promise<void>, flood: Flood) {
  await median(honest);
  const ratios: number[] = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    let quiet = Number.POSITIVE_INFINITY;
    let flooded = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round += 1) {
      quiet = Math.min(quiet, await median(honest));
      const stop = await flood();
      flooded = Math.min(flooded, await median(honest));
      await stop();
    }
    t.diagnostic(`${quiet.toFixed(2)} ms, flooded ${flooded.toFixed(2)} ms`);
    ratios.push(flooded / quiet);
    if (flooded <= 2 * quiet) return;
  }
  assert.fail(`each time the flood made it slower, by ${ratios.map((ratio) => ratio.toFixed(1))}`);
}

/** Waits until so many have come, or as many as come. */
async function settled(count: () => number, wanted: number): Promise<void> {
  for (let wait = 0; wait < 100 && count() < wanted; wait += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const pair = namedKey('1');

/** A host whose documents are those of clients with a key; a path with `hang` never answers. */
async function documentHost(t: TestContext, name: string) {
  const hanging = { count: 0 };
  const host = await remoteHost(
    (request, response) => {
      const path = request.url ?? '';
      if (path.includes('hang')) {
        hanging.count += 1;
        return;
      }
      response.writeHead(path.includes('bogus') ? 404 : 200, {
        'content-type': 'application/json',
      });
      response.end(
        JSON.stringify({
          client_id: `https://${name}:${port}${path}`,
          token_endpoint_auth_method: 'private_key_jwt',
          ...(path.includes('remote')
            ? { jwks_uri: `https://${name}:${port}/keys/hang${path}` }
            : { jwks: { keys: [pair.publicJwk] } }),
        }),
      );
    },
    { name },
  );
  const { port } = host;
  t.after(() => host.close());
  return { origin: host.origin, hanging };
}

async function documentValidator(t: TestContext) {
  const remote = await remoteOptions();
  const honest = await documentHost(t, 'honest.example');
  const stranger = await documentHost(t, 'stranger.example');
  const options = { ...remote, timeout: 5 };
  const validator = new ClientAssertionValidator(
    { jwksUri: options },
    clientMetadataDocuments({ ...options, maxEntries: 100 }),
  );
  const send = async (clientId: string) =>
    validator.validate(requestWith(await signNamed(pair, clientId)));
  return { honest, stranger, send };
}

let serial = 0;
const next = () => {
  serial += 1;
  return `${serial}`;
};

test('invented client ids of one host leave clients with a cached document at half speed or better', async (t) => {
  const { honest, stranger, send } = await documentValidator(t);
  const ids = Array.from({ length: 12 }, (_, i) => `${honest.origin}/${i}`);
  let turn = 0;
  await assertFair(
    t,
    async () => {
      turn += 1;
      await send(ids[turn % ids.length] ?? '');
    },
    async () => {
      const all: Promise<unknown>[] = [];
      for (let i = 0; i < 250; i += 1) {
        const id = `${stranger.origin}/bogus/${next()}`;
        all.push(send(id).catch(() => undefined));
      }
      await Promise.all(all);
      const before = stranger.hanging.count;
      const slow = Array.from({ length: 200 }, () => send(`${stranger.origin}/hang/${next()}`));
      for (const each of slow) each.catch(() => undefined);
      await settled(() => stranger.hanging.count - before, 8);
      return async () => undefined;
    },
  );
});

test('slow client ids of one host leave clients whose document is new at half speed or better', async (t) => {
  const { honest, stranger, send } = await documentValidator(t);
  await assertFair(
    t,
    async () => {
      await send(`${honest.origin}/${next()}`);
    },
    async () => {
      const before = stranger.hanging.count;
      for (let i = 0; i < 200; i += 1) {
        send(`${stranger.origin}/hang/${next()}`).catch(() => undefined);
      }
      await settled(() => stranger.hanging.count - before, 8);
      return async () => undefined;
    },
  );
});

test('documents of one host with slow key sets leave registered jwks_uris at half speed or better', async (t) => {
  const remote = { ...(await remoteOptions()), timeout: 5 };
  const host = await jwksHost(t, [pair.publicJwk], {}, { name: 'registered.example' });
  const stranger = await documentHost(t, 'stranger.example');
  const registered = new Map<string, AssertionClient>();
  const validator = new ClientAssertionValidator(
    { jwksUri: { ...remote, maxEntries: 100 } },
    clientMetadataDocuments(remote, (clientId) => registered.get(clientId)),
  );
  const send = async (clientId: string) =>
    validator.validate(requestWith(await signNamed(pair, clientId)));
  await assertFair(
    t,
    async () => {
      const clientId = `registered ${next()}`;
      registered.set(clientId, clientAt(`${host.uri}?${clientId}`, clientId));
      await send(clientId);
    },
    async () => {
      const before = stranger.hanging.count;
      for (let i = 0; i < 200; i += 1) {
        send(`${stranger.origin}/remote/${next()}`).catch(() => undefined);
      }
      await settled(() => stranger.hanging.count - before, 8);
      return async () => undefined;
    },
  );
});

test('one client that fills its share of the replay memory leaves the others at half speed or better', async (t) => {
  const es = keyPair('ES256');
  const client = (clientId: string) => ({ clientId, secrets: [jwkSecret(es)] });
  const replay: ReplayStore = new MemoryReplayStore({ maxEntries: 2000 });
  const validator = new ClientAssertionValidator({ replay }, client);
  const send = async (clientId: string) =>
    validator.validate(requestWith(await signAssertion(clientId)));
  let full = 0;
  await assertFair(
    t,
    async () => {
      await send(`honest ${Number(next()) % 7}`);
    },
    async () => {
      let isRunning = true;
      const flooding = (async () => {
        while (isRunning) {
          const entry = { issuer: 'https://as.example', clientId: 'stranger', jti: next() };
          const expiresAt = Date.now() / 1000 + 60;
          for (let i = 0; i < 20; i += 1) {
            try {
              await replay.insert({ ...entry, key: `${entry.jti} ${i}`, expiresAt } as never);
            } catch {
              full += 1;
            }
          }
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      })();
      await settled(() => full, 1);
      return async () => {
        isRunning = false;
        await flooding;
      };
    },
  );
  assert.ok(full > 0, 'the share was full');
});
