import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import type { FetchError } from '../../../lib/index.js';
import { assertionForm } from '../../support/assertion.js';
import { fakeClock } from '../../support/fake-clock.js';
import {
  clientAt,
  fetchingEndpoint,
  jwksHost,
  namedKey,
  signNamed,
  statusOf,
} from '../../support/jwks-host.js';

const down: RequestListener = (_request, response) => response.writeHead(503).end();

test('during an outage the last good keys are used for a limited time, with a warning', async (t) => {
  const { advance } = fakeClock();
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk], { 'cache-control': 'max-age=60' });
  const options = { maxStale: 3600 };
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)], options);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  assert.deepEqual(endpoint.events[0]?.warnings, []);

  host.behave(down);
  advance(61);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  const [warning] = endpoint.events[1]?.warnings ?? [];
  assert.equal(warning?.code, 'jwks_uri_failed');
  assert.match(
    warning?.message ?? '',
    /status is 503, not 200; the last good keys are still used$/,
  );

  advance(3598);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  advance(100);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 401);
  assert.equal(endpoint.events[3]?.reason, 'jwks_uri_failed');

  host.behave();
  advance(61);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  assert.deepEqual(endpoint.events[4]?.warnings, []);
});

test('during an outage no request waits for a server that hangs', async (t) => {
  const { advance } = fakeClock();
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  const options = { timeout: 2 };
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)], options);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  host.behave(() => undefined);
  advance(301);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200, 'the first one waits');

  advance(61);
  const asked = new Promise((resolve) => host.behave(resolve));
  const started = performance.now();
  for (let count = 0; count < 5; count += 1) {
    assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
  }
  assert.ok(
    performance.now() - started < 1900,
    'five requests together took less than one timeout',
  );
  await asked;
  assert.equal(host.requests, 3);
});

test('the wait before the next fetch of a dead jwks_uri grows with every failure', async (t) => {
  const { advance } = fakeClock();
  const pair = namedKey('1');
  const host = await jwksHost(t, [pair.publicJwk]);
  host.behave(down);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const attempt = async () => {
    assert.equal(await statusOf(endpoint, signNamed(pair)), 401);
    return host.requests;
  };
  const requests: number[] = [];
  for (const wait of [0, 0.9, 0.1, 1.9, 0.1, 3.9, 0.1]) {
    advance(wait);
    requests.push(await attempt());
  }
  assert.deepEqual(requests, [1, 1, 2, 2, 3, 3, 4]);
  for (let failures = 4; failures < 12; failures += 1) {
    advance(60);
    await attempt();
  }
  assert.equal(host.requests, 12, 'but never longer than a minute');
  host.behave();
  advance(60);
  assert.equal(await statusOf(endpoint, signNamed(pair)), 200);
});

test('200 simultaneous requests of a dead client cause one fetch', async (t) => {
  const pair = namedKey('1');
  const host = await jwksHost(t);
  host.behave(down);
  fakeClock();
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  const assertions = await Promise.all(Array.from({ length: 200 }, () => signNamed(pair)));
  const statuses = await Promise.all(assertions.map((assertion) => statusOf(endpoint, assertion)));
  assert.deepEqual(new Set(statuses), new Set([401]));
  assert.equal(host.requests, 1);
});

test('a dead jwks_uri gets the same answer as an unknown client, but the event has the reason', async (t) => {
  const host = await jwksHost(t);
  const endpoint = await fetchingEndpoint(t, [clientAt(host.uri)]);
  await host.close();
  const answers = [];
  for (const clientId of ['client', 'nobody']) {
    const form = assertionForm(await signNamed(namedKey('1'), clientId));
    const response = await endpoint.post(form);
    answers.push([response.status, await response.text()]);
  }
  assert.deepEqual(answers[0], answers[1]);
  assert.deepEqual(
    endpoint.events.map(({ reason }) => reason),
    ['jwks_uri_failed', 'unknown_client'],
  );
  assert.equal((endpoint.events[0]?.cause as FetchError | undefined)?.code, 'connection_failed');
});
