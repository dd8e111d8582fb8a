import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { assertionForm, type Differences, signAssertion } from '../support/assertion.js';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  REDIRECT_URI,
  requestUrl,
  webClient,
} from '../support/authorization.js';
import { keyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const CLIENTS = [
  { client_id: 'web', ...webClient(pair) },
  { client_id: 'rsa', ...webClient(keyPair('RS256')) },
];
const server = await startTokenServer(CLIENTS, { PROFILE: 'fapi2' });
after(() => server.stop());
const plain = await startTokenServer(CLIENTS);
after(() => plain.stop());

type Form = Record<string, string>;

async function post(path: string, form: Form, differences: Differences = {}, clientId = 'web') {
  const assertion = await signAssertion(clientId, {
    pair,
    ...differences,
    claims: { aud: server.url, ...differences.claims },
  });
  const response = await server.post(path, assertionForm(assertion, form));
  return { status: response.status, body: (await response.json()) as Form };
}

test('FAPI 2.0: a client pushes its request with PKCE, and redeems the code with the verifier', async () => {
  const proof = pkce();
  const { body } = await post('/par', authorizationParameters('web', proof));
  const { request_uri = '' } = body;
  const url = authorizationUrl(server, { client_id: 'web', request_uri });
  const callback = await logIn(newVisitor(server.url), url);
  const form = {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: REDIRECT_URI,
  };
  assert.equal(callback.searchParams.get('iss'), server.url);
  const { body: tokens } = await post('/token', { ...form, code_verifier: proof.verifier });
  const [header = ''] = tokens['id_token']?.split('.') ?? [];
  assert.equal(JSON.parse(Buffer.from(header, 'base64url').toString()).alg, 'ES256');
});

test('FAPI 2.0: a missing code_verifier is invalid_grant', async () => {
  const { body } = await post('/par', authorizationParameters('web', pkce()));
  const { request_uri = '' } = body;
  const url = authorizationUrl(server, { client_id: 'web', request_uri });
  const code = (await logIn(newVisitor(server.url), url)).searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI };
  assert.equal((await post('/token', form)).body['error'], 'invalid_grant');
});

test('FAPI 2.0: a request that was not pushed, or has no challenge, is refused', async () => {
  const { url } = await newVisitor(server.url).open(requestUrl(server, 'web'));
  assert.equal(url.searchParams.get('error'), 'invalid_request');
  const without = { code_challenge: undefined, code_challenge_method: undefined };
  const { status, body } = await post('/par', authorizationParameters('web', pkce(), without));
  assert.equal(status, 400);
  assert.equal(body['error'], 'invalid_request');
});

for (const [what, differences, clientId] of [
  ['an array as aud', { claims: { aud: [server.url] } }, 'web'],
  ['the token endpoint as aud', { claims: { aud: `${server.url}/token` } }, 'web'],
  ['the PAR endpoint as aud', { claims: { aud: `${server.url}/par` } }, 'web'],
  ['RS256', { pair: keyPair('RS256') }, 'rsa'],
] as const) {
  test(`FAPI 2.0: an assertion with ${what} is refused`, async () => {
    const { status } = await post(
      '/par',
      authorizationParameters('web', pkce()),
      differences,
      clientId,
    );
    assert.ok(status === 400 || status === 401, `${status}`);
  });
}

test('FAPI 2.0: a state outside the request object is refused with a clear message (RFC 9101 §6.3)', async () => {
  const now = Math.floor(Date.now() / 1000);
  const request = await signAssertion('web', {
    pair,
    header: { typ: 'oauth-authz-req+jwt' },
    claims: {
      ...authorizationParameters('web', pkce(), { state: undefined }),
      sub: undefined,
      aud: server.url,
      nbf: now,
    },
  });
  const { status, body } = await post('/par', { request, state: 'beside' });
  assert.equal(status, 400);
  assert.match(body['error_description'] ?? '', /state must be inside the request object/);
});

test('FAPI 2.0: the metadata says that requests must be pushed', async () => {
  const response = await fetch(`${server.url}/.well-known/openid-configuration`);
  const metadata = (await response.json()) as Record<string, unknown>;
  assert.equal(metadata['require_pushed_authorization_requests'], true);
  assert.deepEqual(metadata['token_endpoint_auth_methods_supported'], ['private_key_jwt']);
  assert.deepEqual(metadata['id_token_signing_alg_values_supported'], ['ES256']);
});

const now = Math.floor(Date.now() / 1000);
const MINUTE = 60;

/** A request object, and whether it is taken with the profile and without. */
interface RequestObjectRow {
  readonly what: string;
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly signer?: 'rsa';
  readonly fapi2: boolean;
  readonly plain: boolean;
}

/** FAPI 2.0 Message Signing §5.3.1, Security Profile §5.3.2.1 and §5.4.1. */
const REQUEST_OBJECTS: readonly RequestObjectRow[] = [
  { what: 'nbf of now', fapi2: true, plain: true },
  { what: 'no nbf', claims: { nbf: undefined }, fapi2: false, plain: true },
  { what: 'nbf as a text', claims: { nbf: String(now) }, fapi2: false, plain: false },
  { what: 'nbf 8 s ahead', claims: { nbf: now + 8 }, fapi2: true, plain: true },
  { what: 'nbf 90 s ahead', claims: { nbf: now + 90 }, fapi2: false, plain: false },
  {
    what: 'nbf 50 minutes ago',
    claims: { nbf: now - 50 * MINUTE, exp: now + 5 * MINUTE },
    fapi2: true,
    plain: true,
  },
  {
    what: 'nbf 62 minutes ago',
    claims: { nbf: now - 62 * MINUTE, exp: now + MINUTE, iat: now },
    fapi2: false,
    plain: true,
  },
  {
    what: 'exp 65 minutes after nbf',
    claims: { nbf: now - 10 * MINUTE, exp: now + 55 * MINUTE, iat: now },
    fapi2: false,
    plain: true,
  },
  { what: 'no exp', claims: { exp: undefined }, fapi2: false, plain: false },
  {
    what: 'exp five minutes ago',
    claims: { nbf: now - 10 * MINUTE, exp: now - 5 * MINUTE, iat: undefined },
    fapi2: false,
    plain: false,
  },
  { what: 'typ JWT', header: { typ: 'JWT' }, fapi2: true, plain: true },
  {
    what: 'the typ of an assertion',
    header: { typ: 'client-authentication+jwt' },
    fapi2: false,
    plain: false,
  },
  { what: 'RS256', signer: 'rsa', fapi2: false, plain: true },
];

for (const [mode, target] of [
  ['fapi2', server],
  ['plain', plain],
] as const) {
  /** Pushes a request object. */
  async function push(row: Omit<RequestObjectRow, 'what' | 'fapi2' | 'plain'>, aud: unknown) {
    const clientId = row.signer ?? 'web';
    const signer = row.signer === undefined ? pair : keyPair('RS256');
    const request = await signAssertion(clientId, {
      pair: signer,
      header: { typ: 'oauth-authz-req+jwt', ...row.header },
      claims: {
        ...authorizationParameters(clientId, pkce()),
        sub: undefined,
        aud,
        nbf: now,
        ...row.claims,
      },
    });
    // The assertion is right in both modes, so that only the object decides.
    const assertion = await signAssertion(clientId, {
      pair: clientId === 'rsa' ? { ...signer, alg: 'PS256' } : signer,
      claims: { aud: target.url },
    });
    const response = await target.post('/par', assertionForm(assertion, { request }));
    return { status: response.status, body: (await response.json()) as Form };
  }

  for (const row of REQUEST_OBJECTS) {
    test(`${mode}: a request object with ${row.what}: ${row[mode] ? 'accepted' : 'refused'}`, async () => {
      const { status, body } = await push(row, target.url);
      assert.deepEqual(
        [status, body['error']],
        row[mode] ? [201, undefined] : [400, 'invalid_request_object'],
      );
    });
  }

  for (const [what, aud, taken] of [
    ['several values of aud, the issuer among them', [target.url, 'https://other.example'], true],
    ['another server as aud', 'https://other.example', false],
    ['no value of aud', [], false],
  ] as const) {
    test(`${mode}: a request object with ${what}: ${taken ? 'accepted' : 'refused'}`, async () => {
      assert.equal((await push({}, aud)).status, taken ? 201 : 400);
    });
  }
}
