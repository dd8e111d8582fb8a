import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertionForm, type Differences, seconds, signAssertion } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer, type TokenServer } from '../support/token-server.js';

const pair = keyPair('ES256');
const clients = [
  {
    client_id: 'machine',
    jwks: { keys: [pair.publicJwk] },
    grant_types: ['client_credentials'],
    scope: 'api',
  },
];
const STRICT_TYP = { typ: 'client-authentication+jwt' };

async function tokenStatus(server: TokenServer, differences: Differences): Promise<number> {
  const assertion = await signAssertion('machine', { pair, ...differences });
  const form = assertionForm(assertion, { grant_type: 'client_credentials' });
  return (await server.post('/token', form)).status;
}

test('AUDIENCE=compatible accepts the issuer, the token endpoint and the called endpoint', async (t) => {
  const server = await startTokenServer(clients, {
    ADDITIONAL_AUDIENCES: 'https://old.example, urn:b',
  });
  t.after(() => server.stop());
  for (const aud of [server.url, `${server.url}/token`, 'https://old.example', 'urn:b']) {
    assert.equal(await tokenStatus(server, { claims: { aud } }), 200, aud);
  }
  for (const aud of [`${server.url}/`, `${server.url}/par`, 'https://other.example']) {
    assert.equal(await tokenStatus(server, { claims: { aud } }), 401, aud);
  }
  const assertion = await signAssertion('machine', {
    pair,
    claims: { aud: `${server.url}/revoke` },
  });
  const revoked = await server.post('/revoke', assertionForm(assertion, { token: 'made-up' }));
  assert.equal(revoked.status, 200);
});

test('AUDIENCE=issuer accepts only the issuer', async (t) => {
  const server = await startTokenServer(clients, { AUDIENCE: 'issuer' });
  t.after(() => server.stop());
  const claims = { aud: server.url };
  assert.equal(await tokenStatus(server, { claims, header: STRICT_TYP }), 200);
  assert.equal(await tokenStatus(server, { claims }), 200);
  const aud = `${server.url}/token`;
  assert.equal(await tokenStatus(server, { claims: { aud }, header: STRICT_TYP }), 401);
});

test('MAX_LIFETIME bounds how long assertions are valid', async (t) => {
  const server = await startTokenServer(clients, { MAX_LIFETIME: '30' });
  t.after(() => server.stop());
  const claims = (lifetime: number) => ({ aud: server.url, exp: seconds() + lifetime });
  assert.equal(await tokenStatus(server, { claims: claims(25) }), 200);
  assert.equal(await tokenStatus(server, { claims: claims(120) }), 401);
});

test('ISSUER is the issuer, whatever URL the caller uses', async (t) => {
  const issuer = 'https://as.example';
  const server = await startTokenServer(clients, { ISSUER: issuer });
  t.after(() => server.stop());
  const metadata = (await (
    await fetch(`${server.url}/.well-known/openid-configuration`)
  ).json()) as Record<string, string>;
  assert.equal(metadata['issuer'], issuer);
  assert.equal(metadata['token_endpoint'], `${issuer}/token`);
  assert.equal(await tokenStatus(server, { claims: { aud: issuer } }), 200);
  assert.equal(await tokenStatus(server, { claims: { aud: `${issuer}/token` } }), 200);
  assert.equal(await tokenStatus(server, { claims: { aud: server.url } }), 401);
});

test('an ISSUER with a path has its endpoints and metadata under it (RFC 8414 §3.1)', async (t) => {
  const issuer = 'https://as.example/tenant';
  const server = await startTokenServer(clients, { ISSUER: issuer });
  t.after(() => server.stop());
  for (const path of [
    '/.well-known/oauth-authorization-server/tenant',
    '/tenant/.well-known/openid-configuration',
  ]) {
    const metadata = (await (await fetch(server.url + path)).json()) as Record<string, string>;
    assert.equal(metadata['issuer'], issuer, path);
    assert.equal(metadata['token_endpoint'], `${issuer}/token`, path);
  }
  const assertion = await signAssertion('machine', { pair, claims: { aud: `${issuer}/token` } });
  const form = assertionForm(assertion, { grant_type: 'client_credentials' });
  assert.equal((await server.post('/tenant/token', form)).status, 200);
  assert.equal((await server.post('/token', form)).status, 404);
});

test('behind a proxy with TLS, cookies are only for https', async (t) => {
  const server = await startTokenServer(
    [{ client_id: 'web', redirect_uris: ['https://client.example/callback'] }],
    { ISSUER: 'https://as.example' },
  );
  t.after(() => server.stop());
  const query = new URLSearchParams({
    client_id: 'web',
    redirect_uri: 'https://client.example/callback',
    response_type: 'code',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  });
  const response = await fetch(`${server.url}/authorize?${query}`, {
    redirect: 'manual',
    headers: { 'x-forwarded-proto': 'https' },
  });
  const [cookie = ''] = response.headers.getSetCookie();
  assert.match(cookie, /^__Host-session=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
});

test('TRACES shows the latest authentications with each check', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '2' });
  t.after(() => server.stop());
  const claims = { aud: server.url, jti: 'used-twice' };
  await tokenStatus(server, { claims: { aud: 'https://other.example' } });
  await tokenStatus(server, { claims });
  await tokenStatus(server, { claims });
  const traces = (await (await fetch(`${server.url}/traces`)).json()) as {
    outcome: string;
    reason?: string;
    header: { alg: string };
    claims: { jti: string };
    checks: { check: string; outcome: string; reason?: string }[];
  }[];
  assert.deepEqual(
    traces.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['failure', 'replayed'],
      ['success', undefined],
    ],
  );
  for (const { header, claims, checks, outcome } of traces) {
    assert.equal(header.alg, 'ES256');
    assert.equal(claims.jti, 'used-twice');
    const failed = checks.filter((check) => check.outcome !== 'passed');
    const names = failed.map(({ check }) => check);
    assert.deepEqual(names, outcome === 'success' ? [] : ['replay']);
  }
});
