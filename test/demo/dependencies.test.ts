import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { postAs } from '../support/authorization.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { RedisServer, redisTest } from '../support/redis-server.js';
import { runWithClients, startTokenServerProcess } from '../support/token-server.js';
import { waitUntil } from '../support/wait-until.js';

const pair = keyPair('ES256');
const grant = { grant_type: 'client_credentials' };
const machine = {
  client_id: 'machine',
  jwks: { keys: [pair.publicJwk] },
  grant_types: ['client_credentials'],
};

test('with ALLOW_LOCAL_NETWORK=1 keys come from a jwks_uri on this machine, and rotate', async (t) => {
  const next = newKeyPair('ES256', { kid: 'next' });
  let keys = [{ ...pair.publicJwk, kid: 'first' }];
  const host = await listen((_request, response) =>
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys })),
  );
  t.after(() => host.close());
  const clients = [
    {
      client_id: 'fetched',
      jwks_uri: `${host.url}/jwks.json`,
      grant_types: ['client_credentials'],
    },
  ];
  const server = await startTokenServerProcess(clients, { ALLOW_LOCAL_NETWORK: '1' });
  t.after(() => server.stop());

  const call = async (by: typeof pair, kid: string) => {
    const assertion = await signAssertion('fetched', {
      pair: by,
      header: { kid },
      claims: { aud: server.url },
    });
    return (await server.post('/token', assertionForm(assertion, grant))).status;
  };
  assert.equal(await call(pair, 'first'), 200);
  keys = [next.publicJwk as (typeof keys)[0]];
  assert.equal(await call(next, 'next'), 200);
});

test('without ALLOW_LOCAL_NETWORK this machine is not asked for keys', async (t) => {
  let asked = 0;
  const host = await listen((_request, response) => {
    asked += 1;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ keys: [pair.publicJwk] }));
  });
  t.after(() => host.close());
  const server = await startTokenServerProcess([
    { client_id: 'fetched', jwks_uri: `${host.url}/jwks` },
  ]);
  t.after(() => server.stop());
  assert.equal((await postAs(server, { clientId: 'fetched', pair }, '/token', grant)).status, 401);
  assert.equal(asked, 0);
});

test('on SIGTERM running requests are finished, and no connection keeps the process alive', async () => {
  const server = await startTokenServerProcess([machine]);
  const assertion = await signAssertion('machine', { pair, claims: { aud: server.url } });
  const body = assertionForm(assertion, grant).toString();
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  const answer = once(socket, 'data');
  socket.write(
    `POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n` +
      `Content-Type: application/x-www-form-urlencoded\r\n\r\n${body.slice(0, 20)}`,
  );
  await fetch(`${server.url}/jwks`);
  const stopped = server.stop();
  await assert.rejects(async () => {
    for (;;) await fetch(`${server.url}/jwks`);
  });
  socket.write(body.slice(20));
  assert.match(String(await answer), /^HTTP\/1\.1 200 /);
  assert.equal(await stopped, 0);
});

test('SIGTERM under load ends it with 0', async () => {
  const server = await startTokenServerProcess([machine]);
  let running = true;
  const statuses = new Set<number>();
  const load = Array.from({ length: 10 }, async () => {
    while (running) {
      try {
        const { status } = await postAs(server, { clientId: 'machine', pair }, '/token', grant);
        statuses.add(status);
      } catch {
        return;
      }
    }
  });
  while (statuses.size === 0) await fetch(`${server.url}/jwks`);
  assert.equal(await server.stop(), 0);
  running = false;
  await Promise.all(load);
  assert.deepEqual([...statuses], [200]);
});

test('the server goes on when its log is no longer read', async () => {
  const server = await startTokenServerProcess([machine]);
  server.stopReading();
  for (let calls = 0; calls < 20; calls += 1) {
    const response = await postAs(server, { clientId: 'machine', pair }, '/token', grant);
    assert.equal(response.status, 200);
  }
  assert.equal(await server.stop(), 0);
});

redisTest('two servers with one REDIS_URL accept an assertion once', async (t) => {
  const redis = await RedisServer.start(t);
  const env = { REDIS_URL: redis.url, ISSUER: 'https://as.example' };
  const servers = await Promise.all([1, 2].map(() => startTokenServerProcess([machine], env)));
  t.after(() => Promise.all(servers.map((server) => server.stop())));

  for (let round = 0; round < 20; round += 1) {
    const assertion = await signAssertion('machine', { pair });
    const answers = servers.map((server) => server.post('/token', assertionForm(assertion, grant)));
    const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, 401]);
  }
});

redisTest('while Redis is away nothing is accepted, and afterwards everything works', async (t) => {
  const redis = await RedisServer.start(t);
  const server = await startTokenServerProcess([machine], {
    REDIS_URL: redis.url,
  });
  t.after(() => server.stop());
  const call = async () =>
    (await postAs(server, { clientId: 'machine', pair }, '/token', grant)).status;
  assert.equal(await call(), 200);
  await redis.kill();
  assert.equal(await call(), 503);
  await redis.start();
  await waitUntil(async () => (await call()) === 200);
});

test('a REDIS_URL without an answer stops the start', async () => {
  const host = await listen((_request, response) => response.end());
  await host.close();
  const { code, stderr } = await runWithClients([machine], {
    REDIS_URL: `redis://127.0.0.1:${new URL(host.url).port}`,
  });
  assert.equal(code, 1);
  assert.match(stderr, /^REDIS_URL: Redis does not answer \(/);
});
