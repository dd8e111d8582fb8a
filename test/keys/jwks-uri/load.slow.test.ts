import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AssertionClient,
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  type ClientAuthenticationError,
} from '../../../lib/index.js';
import type { JwksUriOptions } from '../../../lib/keys/jwks-uri.js';
import { ISSUER } from '../../support/assertion.js';
import { fakeClock } from '../../support/fake-clock.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';
import type { KeyPair } from '../../support/keys.js';
import { lookupIn, remoteOptions } from '../../support/remote-host.js';

const DEAD_CLIENTS = 1000;
const SAMPLES = 40;
/** The machine may be busy with something else: the best of so many rounds counts. */
const ROUNDS = 5;

async function validatorOf(clients: readonly AssertionClient[], options: JwksUriOptions) {
  const byId = new Map(clients.map((client) => [client.clientId, client]));
  const jwksUri = { ...(await remoteOptions()), ...options };
  const validator = new ClientAssertionValidator({ jwksUri }, (clientId) => byId.get(clientId));
  return (client_assertion: string) =>
    validator.validate({
      issuer: ISSUER,
      parameters: { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE },
    });
}

const signMany = (pair: KeyPair, clientIds: readonly string[]) =>
  Promise.all(clientIds.map((clientId) => signNamed(pair, clientId)));

/** The median time of one validation, one after the other, in milliseconds. */
async function medianLatency(
  validate: (assertion: string) => Promise<unknown>,
  assertions: readonly string[],
): Promise<number> {
  const times: number[] = [];
  for (const assertion of assertions) {
    const started = performance.now();
    await validate(assertion);
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
}

async function bestMedian(
  validate: (assertion: string) => Promise<unknown>,
  rounds: readonly (readonly string[])[],
): Promise<number> {
  const medians: number[] = [];
  for (const assertions of rounds) {
    medians.push(await medianLatency(validate, assertions));
    // Lets timers and connections have their turn between two rounds.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return Math.min(...medians);
}

test('1,000 clients with dead URIs leave the latency of valid clients within 2x', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const hanging = await jwksHost(t);
  hanging.behave(() => undefined);
  const valid = Array.from({ length: 20 }, (_, i) => clientAt(`${host.uri}?${i}`, `valid ${i}`));
  const deadUris = [
    (i: number) => `${hanging.uri}?${i}`,
    (i: number) => `https://refuses-${i}.example:1024/jwks.json`,
    (i: number) => `https://unknown-${i}.invalid/jwks.json`,
    (i: number) => `https://silent-${i}.slow.example/jwks.json`,
  ];
  const dead = Array.from({ length: DEAD_CLIENTS }, (_, i) =>
    clientAt(deadUris[i % deadUris.length]?.(i) ?? '', `dead ${i}`),
  );
  const answering = lookupIn();
  const validate = await validatorOf([...valid, ...dead], {
    timeout: 10,
    lookup: (hostname, options, callback) => {
      if (!hostname.endsWith('.slow.example')) answering(hostname, options, callback);
    },
  });
  const validIds = Array.from({ length: SAMPLES }, (_, i) => `valid ${i % valid.length}`);
  await medianLatency(validate, await signMany(pair, validIds));

  const junk = await signMany(
    pair,
    dead.map(({ clientId }) => clientId),
  );
  const rounds = () => Promise.all(Array.from({ length: ROUNDS }, () => signMany(pair, validIds)));
  const [before, during] = [await rounds(), await rounds()];

  const baseline = await bestMedian(validate, before);
  let pending = DEAD_CLIENTS;
  const refusals = junk.map((assertion) =>
    validate(assertion)
      .then(
        () => 'accepted',
        ({ reason }: ClientAuthenticationError) => reason,
      )
      .finally(() => {
        pending -= 1;
      }),
  );
  const underLoad = await bestMedian(validate, during);
  // Those that refuse or are unknown have been told so: silent sites do not hold them up either.
  assert.ok(pending > DEAD_CLIENTS / 4, 'the silent ones were still being waited for');
  t.diagnostic(`${baseline.toFixed(2)} ms alone, ${underLoad.toFixed(2)} ms with the dead`);
  assert.ok(underLoad <= 2 * baseline + 0.2, `${underLoad} ms against ${baseline} ms`);

  const reasons = await Promise.all(refusals);
  assert.equal(reasons.length, DEAD_CLIENTS);
  assert.ok(reasons.every((reason) => /^(jwks_uri_failed|too_many_fetches)$/.test(reason)));
  assert.equal(host.requests, valid.length);
});

/** How many of the 100 fetches at once a single site may have. */
const HALF_OF_LANE = 50;

test('dead URIs that failed before do not delay a new client', async (t) => {
  const { advance } = fakeClock();
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const hanging = await jwksHost(t);
  hanging.behave((_request, response) => response.writeHead(500).end());
  const dead = Array.from({ length: 150 }, (_, i) => clientAt(`${hanging.uri}?${i}`, `dead ${i}`));
  const options = { timeout: 30 };
  const endpoint = await fetchingEndpoint(t, [...dead, clientAt(host.uri)], options);
  const failAll = () =>
    Promise.all(dead.map(({ clientId }) => statusOf(endpoint, signNamed(pair, clientId))));
  assert.deepEqual(new Set(await failAll()), new Set([401]));

  hanging.behave(() => undefined);
  advance(10);
  const pending = failAll();
  while (hanging.requests < dead.length + HALF_OF_LANE)
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  await hanging.close();
  await pending.catch(() => undefined);
});

test('fetches for one site beyond half of the limit wait for their turn, and get 503 after the timeout', async (t) => {
  const pair = namedKey('1');
  const hanging = await jwksHost(t);
  hanging.behave(() => undefined);
  const clients = Array.from({ length: 4 * HALF_OF_LANE }, (_, i) =>
    clientAt(`${hanging.uri}?${i}`, `client ${i}`),
  );
  const endpoint = await fetchingEndpoint(t, clients, { timeout: 1 });
  const statuses = await Promise.all(
    clients.map(({ clientId }) => statusOf(endpoint, signNamed(pair, clientId))),
  );
  // The next may get their turn in the instant in which the first ones give up.
  const failed = statuses.filter((status) => status === 401).length;
  assert.ok(failed >= HALF_OF_LANE && failed <= 2 * HALF_OF_LANE, String(failed));
  assert.equal(statuses.filter((status) => status === 503).length, clients.length - failed);
  assert.deepEqual(
    new Set(endpoint.events.map(({ reason }) => reason)),
    new Set(['jwks_uri_failed', 'too_many_fetches']),
  );
});
