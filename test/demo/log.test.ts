import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { signAssertion } from '../support/assertion.js';
import {
  authorizationParameters,
  authorizationUrl,
  pkce,
  postAs,
  REDIRECT_URI,
  requestUrl,
  tokensOfLogin,
  webClient,
} from '../support/authorization.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

const pair = keyPair('ES256');
const web = { clientId: 'web', pair };
const other = { clientId: 'other', pair };
const server = await startTokenServer([
  { client_id: 'web', ...webClient(pair, { scope: 'openid profile email offline_access' }) },
  { client_id: 'other', ...webClient(pair) },
]);
after(() => server.stop());

type Line = Record<string, unknown>;

/** The lines of one kind that something adds to the log. */
async function logged(event: string, action: () => Promise<unknown>): Promise<Line[]> {
  const before = (await server.events(event, 0)).length;
  await action();
  return (await server.events(event, before)).slice(before);
}

const open = (url: string) => newVisitor(server.url).open(url);

const requestObject = (claims: Line, key = pair) =>
  signAssertion('web', {
    pair: key,
    header: { typ: 'oauth-authz-req+jwt' },
    claims: { sub: undefined, aud: server.url, client_id: 'web', ...claims },
  });

const AT_AUTHORIZE: readonly (readonly [string, () => Promise<string>, Line])[] = [
  [
    'an unknown client',
    async () => requestUrl(server, 'nobody'),
    { clientId: undefined, error: 'invalid_request', reason: 'The client is unknown.' },
  ],
  [
    'another redirect_uri',
    async () => requestUrl(server, 'web', { redirect_uri: 'https://attacker.example/' }),
    {
      clientId: 'web',
      error: 'invalid_request',
      reason: 'redirect_uri_not_registered',
      actual: 'https://attacker.example/',
    },
  ],
  [
    'a scope that is too wide',
    async () => requestUrl(server, 'web', { scope: 'openid admin' }),
    { clientId: 'web', error: 'invalid_scope' },
  ],
  [
    'a request object of another key',
    async () =>
      requestUrl(server, 'web', { request: await requestObject({}, newKeyPair('ES256')) }),
    { clientId: 'web', error: 'invalid_request_object', reason: 'signature_invalid' },
  ],
  [
    'a request object for another server',
    async () =>
      requestUrl(server, 'web', { request: await requestObject({ aud: 'https://b.example' }) }),
    {
      clientId: 'web',
      error: 'invalid_request_object',
      reason: 'audience_mismatch',
      actual: 'https://b.example',
    },
  ],
  [
    'prompt none without a login',
    async () => requestUrl(server, 'web', { prompt: 'none' }),
    { clientId: 'web', error: 'login_required' },
  ],
];

for (const [what, url, expected] of AT_AUTHORIZE) {
  test(`${what} at the authorization endpoint is one line, with the reason`, async () => {
    const address = await url();
    const [line, ...more] = await logged('oauth_error', () => open(address));
    assert.deepEqual(more, []);
    assert.equal(line?.['path'], '/authorize');
    for (const [name, value] of Object.entries(expected)) assert.equal(line?.[name], value, name);
  });
}

async function codeOf(): Promise<Record<string, string>> {
  const proof = pkce();
  const url = authorizationUrl(server, authorizationParameters('web', proof));
  const callback = await logIn(newVisitor(server.url), url);
  return {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: REDIRECT_URI,
    code_verifier: proof.verifier,
  };
}

test('a code that is used twice is one line, and the grant that ends is another', async () => {
  const form = await codeOf();
  await postAs(server, web, '/token', form);
  const ended = await logged('grant_ended', async () => {
    const [line] = await logged('oauth_error', () => postAs(server, web, '/token', form));
    assert.equal(line?.['error'], 'invalid_grant');
    assert.equal(line?.['reason'], 'code_used_again');
    assert.equal(line?.['clientId'], 'web');
    await postAs(server, web, '/token', form);
  });
  assert.equal(ended.length, 1, 'a grant ends once');
  assert.equal(ended[0]?.['reason'], 'code_used_again');
  assert.equal(ended[0]?.['clientId'], 'web');
  assert.equal(ended[0]?.['sub'], 'alice');
});

test('a refresh token that is used twice ends its grant, with a line for each', async () => {
  const { refresh_token = '' } = await tokensOfLogin(server, web);
  const form = { grant_type: 'refresh_token', refresh_token };
  await postAs(server, web, '/token', form);
  const [ended] = await logged('grant_ended', async () => {
    const [line] = await logged('oauth_error', () => postAs(server, web, '/token', form));
    assert.equal(line?.['reason'], 'refresh_token_used_again');
  });
  assert.equal(ended?.['reason'], 'refresh_token_used_again');
});

test('a revoked grant is a line', async () => {
  const { refresh_token = '' } = await tokensOfLogin(server, web);
  const form = { token: refresh_token };
  const [ended] = await logged('grant_ended', () => postAs(server, web, '/revoke', form));
  assert.equal(ended?.['reason'], 'revoked_by_client');
});

const AT_TOKEN: readonly (readonly [string, (form: Line) => [typeof web, Line], string])[] = [
  ["another client's code", (form) => [other, form], 'code_of_another_client'],
  ['an unknown code', (form) => [web, { ...form, code: 'unknown' }], 'code_unknown_or_expired'],
  [
    'another redirect_uri',
    (form) => [web, { ...form, redirect_uri: 'x:y' }],
    'redirect_uri_mismatch',
  ],
  [
    'another verifier',
    (form) => [web, { ...form, code_verifier: 'x'.repeat(43) }],
    'code_verifier_wrong',
  ],
];

for (const [what, change, reason] of AT_TOKEN) {
  test(`${what} at the token endpoint is one line, with the reason that the client does not learn`, async () => {
    const [caller, form] = change(await codeOf());
    let answer: Line = {};
    const lines = await logged('oauth_error', async () => {
      const response = await postAs(server, caller, '/token', form as Record<string, string>);
      answer = (await response.json()) as Line;
    });
    assert.deepEqual(
      lines.map((line) => [line['path'], line['error'], line['reason']]),
      [['/token', 'invalid_grant', reason]],
    );
    assert.doesNotMatch(JSON.stringify(answer), new RegExp(reason));
  });
}

test('PAR, introspection and grants that are not allowed are lines too', async () => {
  for (const [path, form, error] of [
    ['/par', { ...authorizationParameters('web', pkce()), scope: 'admin' }, 'invalid_scope'],
    ['/introspect', {}, 'invalid_request'],
    ['/token', { grant_type: 'client_credentials' }, 'unauthorized_client'],
    ['/token', { grant_type: 'password' }, 'unsupported_grant_type'],
  ] as const) {
    const lines = await logged('oauth_error', () => postAs(server, web, path, form));
    assert.deepEqual(
      lines.map((line) => [line['path'], line['clientId'], line['error']]),
      [[path, 'web', error]],
    );
  }
});

test('no line has a code, a token, a verifier or an assertion in it', async () => {
  const form = await codeOf();
  await postAs(server, web, '/token', form);
  await postAs(server, web, '/token', form);
  const text = server.lines().join('\n');
  for (const name of ['code', 'code_verifier'] as const)
    assert.ok(!text.includes(form[name] ?? ''));
  assert.doesNotMatch(text, /eyJ[\w-]+\.eyJ/);
});

test('a failed authentication stays one line, of its own kind', async () => {
  const lines = await logged('oauth_error', async () => {
    const events = await logged('authentication', async () => {
      await postAs(server, { ...web, pair: newKeyPair('ES256') }, '/token', {
        grant_type: 'client_credentials',
      });
    });
    assert.equal(events.length, 1);
  });
  assert.deepEqual(lines, []);
});
