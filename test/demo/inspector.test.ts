import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertionForm, signAssertion, validClaims } from '../support/assertion.js';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  REDIRECT_URI,
  webClient,
} from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { rawAssertion } from '../support/raw-jws.js';
import { startTokenServer, type TokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const clients = [
  { client_id: 'web', ...webClient(pair, { scope: 'openid offline_access' }) },
  {
    client_id: 'machine',
    jwks: { keys: [pair.publicJwk] },
    grant_types: ['client_credentials'],
  },
];

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly sent: readonly { readonly name: string; readonly value?: unknown }[];
  readonly authentication?: { readonly outcome: string; readonly reason?: string };
}

type Sequences = readonly { readonly exchanges: readonly Exchange[] }[];

const textAt = async ({ url }: TokenServer, path: string): Promise<string> =>
  (await fetch(url + path)).text();

const sequencesOf = async (server: TokenServer): Promise<Sequences> =>
  JSON.parse(await textAt(server, '/inspector/sequences'));

const lastAssertion = (server: TokenServer): Promise<string> =>
  textAt(server, '/inspector/last-assertion');

test('the policy of the inspector allows only its own script and style', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '5' });
  t.after(() => server.stop());
  const page = await fetch(`${server.url}/inspector`);
  assert.equal(page.status, 200);
  assert.deepEqual(page.headers.get('content-security-policy')?.split('; '), [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ]);
  assert.equal(page.headers.get('cache-control'), 'no-store');
  const html = await page.text();
  const loaded = [
    ...html.matchAll(/<(?:link|script|img|form)\b[^>]*(?:src|href|action)="([^"]*)"/g),
  ];
  assert.deepEqual(
    loaded.map(([, link]) => link),
    ['inspector/style.css', 'inspector/script.js'],
  );
  assert.doesNotMatch(html, /<style|<script(?! type="module" src)| style=| on\w+=/);
  const script = await textAt(server, '/inspector/script.js');
  assert.doesNotMatch(script, /^import|node:|https?:\/\//m);
});

test('without TRACES there is no inspector', async (t) => {
  const server = await startTokenServer(clients);
  t.after(() => server.stop());
  for (const path of ['', '/script.js', '/sequences', '/last-assertion']) {
    assert.equal((await fetch(`${server.url}/inspector${path}`)).status, 404, path);
  }
  assert.equal((await server.post('/inspector/explain', {})).status, 404);
});

test('the requests of a login are one sequence, without their secrets', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '5' });
  t.after(() => server.stop());
  const secrets: string[] = [];
  async function call(path: string, form: Record<string, string>): Promise<Record<string, string>> {
    const assertion = await signAssertion('web', { pair, claims: { aud: server.url } });
    secrets.push(assertion, assertion.split('.')[2] ?? '');
    const response = await server.post(path, assertionForm(assertion, form));
    assert.ok(response.ok, path);
    return JSON.parse((await response.text()) || '{}');
  }

  const proof = pkce();
  const scope = 'openid offline_access';
  const { request_uri = '' } = await call('/par', authorizationParameters('web', proof, { scope }));
  const visitor = newVisitor(server.url);
  const callback = await logIn(
    visitor,
    authorizationUrl(server, { client_id: 'web', request_uri }),
  );
  const code = callback.searchParams.get('code') ?? '';
  const redeemed = await call('/token', {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: proof.verifier,
  });
  const { access_token = '', refresh_token = '', id_token = '' } = redeemed;
  await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } });
  await call('/introspect', { token: access_token });
  const refreshed = await call('/token', { grant_type: 'refresh_token', refresh_token });
  await call('/revoke', { token: refreshed['refresh_token'] ?? '' });

  const [login, ...others] = await sequencesOf(server);
  assert.deepEqual(others, []);
  assert.deepEqual(
    login?.exchanges.map(({ method, path, status }) => `${method} ${path} ${status}`),
    [
      'POST /par 201',
      'GET /authorize 303',
      'GET /login 200',
      'POST /login 303',
      'GET /consent 200',
      'POST /consent 200',
      'POST /token 200',
      'GET /userinfo 200',
      'POST /introspect 200',
      'POST /token 200',
      'POST /revoke 200',
    ],
  );
  secrets.push(request_uri, code, proof.verifier, access_token, refresh_token, id_token);
  secrets.push(...Object.values(refreshed).filter((value) => String(value).length > 40));
  secrets.push(visitor.cookie('session') ?? '', 'the-state', 'the-nonce');
  const shown = (await textAt(server, '/inspector/sequences')) + (await textAt(server, '/traces'));
  for (const secret of secrets) {
    assert.ok(secret.length > 8);
    assert.ok(!shown.includes(secret), secret);
  }
});

test('a replay belongs to the sequence that it repeats', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '5' });
  t.after(() => server.stop());
  const form = assertionForm(await signAssertion('machine', { claims: { aud: server.url } }), {
    grant_type: 'client_credentials',
  });
  await server.post('/token', form);
  const other = await signAssertion('machine', { claims: { aud: server.url } });
  await server.post('/token', assertionForm(other, { grant_type: 'client_credentials' }));
  await server.post('/token', form);
  assert.deepEqual(
    (await sequencesOf(server)).map(({ exchanges }) =>
      exchanges.map(({ authentication }) => authentication?.reason ?? authentication?.outcome),
    ),
    [['success', 'replayed'], ['success']],
  );
});

test('TRACES limits how many sequences are kept', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '3' });
  t.after(() => server.stop());
  for (let count = 0; count < 5; count += 1)
    await server.post('/token', { grant_type: `${count}` });
  const kept = (await sequencesOf(server)).map(({ exchanges }) => exchanges[0]?.sent[0]?.value);
  assert.deepEqual(kept, ['4', '3', '2']);
});

test('the inspector returns only assertions that are used up', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '5' });
  t.after(() => server.stop());
  const grant = { grant_type: 'client_credentials' };
  const refused = await signAssertion('machine', { claims: { aud: 'https://other.example' } });
  await server.post('/token', assertionForm(refused, grant));
  assert.equal(await lastAssertion(server), '{}');
  const accepted = await signAssertion('machine', { claims: { aud: server.url } });
  await server.post('/token', assertionForm(accepted, grant));
  await server.post('/token', assertionForm(refused, grant));
  assert.deepEqual(JSON.parse(await lastAssertion(server)), { assertion: accepted });
});

test('explaining an assertion does not use it up', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '5' });
  t.after(() => server.stop());
  const assertion = await signAssertion('machine', { claims: { aud: server.url } });
  for (const _ of [1, 2]) {
    const response = await server.post('/inspector/explain', assertionForm(assertion));
    const { accepted, checks } = (await response.json()) as { accepted: boolean; checks: object[] };
    assert.equal(accepted, true);
    assert.equal(checks.length, 28);
  }
  const form = assertionForm(assertion, { grant_type: 'client_credentials' });
  assert.equal((await server.post('/token', form)).status, 200);
  const response = await server.post('/inspector/explain', {});
  assert.equal(((await response.json()) as { accepted: boolean }).accepted, false);
});

test('values nested too deeply for JSON do not stop the inspector', async (t) => {
  const server = await startTokenServer(clients, { TRACES: '5' });
  t.after(() => server.stop());
  const nested = '['.repeat(5900) + ']'.repeat(5900);
  const claims = JSON.stringify(validClaims('machine')).slice(0, -1);
  const hostile = [
    rawAssertion({ alg: 'ES256' }, `${claims},"extra":${nested}}`),
    rawAssertion(`{"alg":${nested}}`, {}),
  ];
  for (const assertion of hostile) {
    await server.post('/token', assertionForm(assertion));
    const explained = await server.post('/inspector/explain', assertionForm(assertion));
    assert.equal(explained.status, 200);
    const query = new URLSearchParams({ client_id: 'web', request: assertion });
    await fetch(`${server.url}/authorize?${query}`);
  }
  assert.equal((await fetch(`${server.url}/traces`)).status, 200);
  assert.equal((await sequencesOf(server)).length, 4);
});
