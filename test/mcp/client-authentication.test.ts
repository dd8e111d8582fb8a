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
