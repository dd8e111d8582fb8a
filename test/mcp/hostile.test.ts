import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, mcpAuthorizationServer, withKeys } from '../support/mcp-authorization-server.js';

/** Values that have no text, or whose text is not what they are. */
const VALUES: readonly unknown[] = [
  { toString: 1 },
  [{ toString: 1 }],
  ['https://client.example/'],
  { toString: 'https://client.example/', length: 1 },
  1e308,
  true,
  '\ud800',
];

for (const member of ['client_uri', 'logo_uri', 'tos_uri', 'jwks_uri', 'redirect_uris', 'jwks']) {
  test(`a registration whose ${member} has another type is refused without a server error`, async (t) => {
    const server = await mcpAuthorizationServer(t, []);
    for (const value of VALUES) {
      const metadata = { ...withKeys, client_id: undefined, jwks: undefined, [member]: value };
      const { status } = await answerOf(server.register(metadata));
      assert.equal(status, 400, JSON.stringify(value));
    }
  });
}

test('the addresses of one IPv6 network share a limit; another network has its own', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const statusFrom = async (address: string) => {
    const headers = { 'x-forwarded-for': address };
    return (await server.request('/token', { method: 'POST', headers })).status;
  };
  for (let call = 1; call <= 50; call += 1) {
    assert.notEqual(await statusFrom(`2001:db8:0:1::${call.toString(16)}`), 429, `${call}`);
  }
  assert.equal(await statusFrom('2001:db8:0:1:ffff::1'), 429);
  assert.notEqual(await statusFrom('2001:db8:0:2::1'), 429);
  assert.notEqual(await statusFrom('203.0.113.1'), 429);
});

test('IPv4 callers of a server that listens on IPv6 have a limit each (RFC 4291 §2.5.5.2)', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const statusFrom = async (address: string) => {
    const headers = { 'x-forwarded-for': address };
    return (await server.request('/token', { method: 'POST', headers })).status;
  };
  for (let call = 1; call <= 50; call += 1) {
    assert.notEqual(await statusFrom('::ffff:203.0.113.1'), 429, `${call}`);
  }
  assert.equal(await statusFrom('::ffff:203.0.113.1'), 429);
  assert.equal(await statusFrom('::ffff:cb00:7101'), 429, 'in hexadecimal');
  assert.equal(await statusFrom('203.0.113.1'), 429, 'by IPv4');
  assert.notEqual(await statusFrom('::ffff:203.0.113.2'), 429);
});

test('a path of slashes costs about as much as another path of its length (CWE-1333)', async (t) => {
  const server = await mcpAuthorizationServer(t, []);
  const shortest = async (path: string) => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round += 1) {
      const started = performance.now();
      assert.equal((await server.request(path)).status, 404);
      best = Math.min(best, performance.now() - started);
    }
    return best;
  };
  const ordinary = await shortest(`/${'a'.repeat(15_000)}`);
  const cost = await shortest(`${'/'.repeat(15_000)}x`);
  assert.ok(cost < 10 * ordinary + 10, `${cost} ms, and ${ordinary} ms for an ordinary path`);
});
