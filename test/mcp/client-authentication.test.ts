import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionService } from '../../lib/client/index.js';
import { mcpClientAuthentication } from '../../lib/mcp/index.js';
import { newKeyPair } from '../support/keys.js';

// An MCP server chooses the authorization server, and SDK 1 does not compare the issuer of the
// metadata with the URL that they came from (RFC 8414 §3.3).

const ISSUER = 'https://as.example/';
const EVIL = 'https://evil.example';
const key = newKeyPair('ES256').privateKey;
const bound = new AssertionService({ clientId: 'client', key, issuer: ISSUER });
const free = new AssertionService({ clientId: 'client', key });

interface Row {
  readonly service: AssertionService;
  readonly url: string;
  readonly issuer?: string;
  readonly tokenEndpoint?: string;
  readonly sent: boolean;
}

const ROWS: Readonly<Record<string, Row>> = {
  'the own token endpoint': {
    service: bound,
    url: `${ISSUER}token`,
    issuer: ISSUER,
    sent: true,
  },
  'the own token endpoint, without metadata': { service: bound, url: `${ISSUER}token`, sent: true },
  'a server without metadata': { service: bound, url: `${EVIL}/token`, sent: false },
  "a server with the issuer's name": {
    service: bound,
    url: `${EVIL}/token`,
    issuer: ISSUER,
    sent: false,
  },
  'another port': { service: bound, url: 'https://as.example:8443/token', sent: false },
  'another scheme': { service: bound, url: 'http://as.example/token', sent: false },
  'the name as user name': { service: bound, url: `https://as.example@evil.example/`, sent: false },
  'another server, with a service for any server': {
    service: free,
    url: `${EVIL}/token`,
    issuer: `${EVIL}/`,
    sent: true,
  },
  "a server with another's issuer, with a service for any server": {
    service: free,
    url: `${EVIL}/token`,
    issuer: ISSUER,
    sent: false,
  },
  'a server without metadata, with a service for any server': {
    service: free,
    url: `${EVIL}/token`,
    sent: false,
  },
  'an issuer that is no URL': { service: free, url: `${EVIL}/t`, issuer: 'urn:as', sent: false },
  'the given token endpoint': {
    service: bound,
    url: 'https://tokens.example/token',
    issuer: ISSUER,
    tokenEndpoint: 'https://tokens.example/token',
    sent: true,
  },
  'another path than the given token endpoint': {
    service: bound,
    url: 'https://tokens.example/other',
    issuer: ISSUER,
    tokenEndpoint: 'https://tokens.example/token',
    sent: false,
  },
  'another path than the given token endpoint, at the issuer': {
    service: bound,
    url: `${ISSUER}other`,
    issuer: ISSUER,
    tokenEndpoint: `${ISSUER}token`,
    sent: false,
  },
};

for (const [name, { service, url, issuer, tokenEndpoint, sent }] of Object.entries(ROWS)) {
  test(`${name}: ${sent ? 'gets an assertion' : 'gets none'} (RFC 9700 §4.4)`, async () => {
    const form = new URLSearchParams();
    const add = mcpClientAuthentication(service, tokenEndpoint);
    const adding = add(
      new Headers(),
      form,
      new URL(url),
      issuer === undefined ? issuer : { issuer },
    );
    if (sent) await adding;
    else await assert.rejects(adding, TypeError);
    assert.equal(form.has('client_assertion'), sent);
  });
}

test('the form gets the three parameters of RFC 7523 §2.2, and an assertion for the server', async () => {
  for (const [service, aud] of [
    [bound, ISSUER],
    [free, `${EVIL}/`],
  ] as const) {
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    await mcpClientAuthentication(service)(new Headers(), form, `${aud}token`, { issuer: aud });
    const { client_assertion, ...others } = Object.fromEntries(form);
    assert.deepEqual(others, {
      grant_type: 'client_credentials',
      client_id: 'client',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    const [, claims = ''] = String(client_assertion).split('.');
    assert.equal(JSON.parse(Buffer.from(claims, 'base64url').toString()).aud, aud);
  }
});

test('the error names the token endpoint without its query, the issuer, and what to do', async () => {
  const send = (tokenEndpoint: string | undefined, issuer: string) =>
    mcpClientAuthentication(free, tokenEndpoint)(
      new Headers(),
      new URLSearchParams(),
      `${EVIL}/token?secret=1`,
      { issuer },
    );
  for (const [tokenEndpoint, issuer, other] of [
    [undefined, ISSUER, ISSUER],
    ['https://as.example/x', ISSUER, 'https://as.example/x'],
  ] as const) {
    await assert.rejects(send(tokenEndpoint, issuer), {
      message: `The token endpoint ${EVIL}/token is not known to belong to ${other}: if it does, give its URL to mcpClientAuthentication.`,
    });
  }
});

for (const assertions of [
  undefined,
  {},
  { clientId: 'client' },
  { clientId: 5, createClientToken() {} },
  { createClientToken() {} },
]) {
  test(`mcpClientAuthentication refuses ${JSON.stringify(assertions)}`, () => {
    assert.throws(() => mcpClientAuthentication(assertions as unknown as AssertionService), {
      name: 'TypeError',
      message: 'mcpClientAuthentication needs an AssertionService, or the result of assertionFrom',
    });
  });
}

test('mcpClientAuthentication refuses a tokenEndpoint that is no URL', () => {
  assert.throws(() => mcpClientAuthentication(bound, '/token'), TypeError);
});

test('the tokenEndpoint may be written in another form of the same URL', async () => {
  const form = new URLSearchParams();
  const add = mcpClientAuthentication(bound, 'HTTPS://Tokens.Example:443/token');
  await add(new Headers(), form, 'https://tokens.example/token');
  assert.equal(form.has('client_assertion'), true);
});
