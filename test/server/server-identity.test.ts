import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endpointAt,
  SERVER_IDENTITY_OPTIONS,
  type ServerIdentityOptions,
  serverIdentifier,
} from '../../lib/server/server-identity.js';
import type { ExpressRequest } from '../../lib/shared/http.js';
import { ISSUER, TOKEN_ENDPOINT } from '../support/assertion.js';

const requestTo = (url: string | undefined, originalUrl?: string): ExpressRequest =>
  ({ url, originalUrl, headers: { host: 'evil.example' } }) as ExpressRequest;

for (const [what, request, endpoint] of [
  ['the path', requestTo('/token'), `${ISSUER}/token`],
  ['the path that Express was asked for', requestTo('/', '/oauth/token'), `${ISSUER}/oauth/token`],
  ['the path without its query', requestTo('/token?a=b?c'), `${ISSUER}/token`],
  ['the path alone, if the query is empty', requestTo('/token?'), `${ISSUER}/token`],
  ['nothing for an absolute URL (RFC 9112 §3.2.2)', requestTo('https://evil.example/'), undefined],
  ['nothing for an asterisk (RFC 9112 §3.2.4)', requestTo('*'), undefined],
  ['nothing without a path', requestTo(undefined), undefined],
] as const) {
  test(`the called endpoint is the issuer’s origin and ${what}`, () => {
    const identify = serverIdentifier({
      issuer: `${ISSUER}/tenant`,
      tokenEndpoint: TOKEN_ENDPOINT,
    });
    assert.deepEqual(identify(request), {
      issuer: `${ISSUER}/tenant`,
      tokenEndpoint: TOKEN_ENDPOINT,
      endpoint,
    });
  });
}

test('an issuer without an origin has no called endpoint', async () => {
  const issuer = 'urn:example:as';
  const expected = { issuer, tokenEndpoint: undefined, endpoint: undefined };
  assert.deepEqual(serverIdentifier({ issuer })(requestTo('/token')), expected);
  assert.deepEqual(await serverIdentifier({ issuer: () => issuer })(requestTo('/token')), expected);
  assert.equal(endpointAt(issuer, '/token'), undefined);
  assert.equal(endpointAt('as', '/token'), undefined);
  assert.equal(endpointAt(ISSUER, '/token'), TOKEN_ENDPOINT);
});

const PAR = `${ISSUER}/par`;

for (const [what, options, override, expected] of [
  ['an issuer', { issuer: () => ISSUER }, undefined, { endpoint: `${ISSUER}/called` }],
  ['an issuer, later', { issuer: async () => ISSUER }, undefined, { endpoint: `${ISSUER}/called` }],
  [
    'a token endpoint',
    { issuer: ISSUER, tokenEndpoint: () => TOKEN_ENDPOINT },
    undefined,
    { tokenEndpoint: TOKEN_ENDPOINT, endpoint: `${ISSUER}/called` },
  ],
  ['an endpoint', { issuer: ISSUER, endpoint: () => PAR }, undefined, { endpoint: PAR }],
  [
    'an endpoint of the route',
    { issuer: ISSUER, endpoint: PAR },
    () => TOKEN_ENDPOINT,
    { endpoint: TOKEN_ENDPOINT },
  ],
] as const) {
  test(`a function may give ${what}`, async () => {
    const identity = serverIdentifier(options)(requestTo('/called'), override);
    assert.ok(identity instanceof Promise);
    assert.deepEqual(await identity, { issuer: ISSUER, tokenEndpoint: undefined, ...expected });
  });
}

test("the route's endpoint overrides the strategy's, without a promise if both are fixed", () => {
  const identify = serverIdentifier({ issuer: ISSUER, endpoint: PAR });
  const identity = { issuer: ISSUER, tokenEndpoint: undefined };
  assert.deepEqual(identify(requestTo('/x')), { ...identity, endpoint: PAR });
  assert.deepEqual(identify(requestTo('/x'), TOKEN_ENDPOINT), {
    ...identity,
    endpoint: TOKEN_ENDPOINT,
  });
});

const wrong = (name: string) => ({
  name: 'TypeError',
  message: `${name} must be an absolute URL, or a function that returns one`,
});

test("a route's endpoint that is not a URL is refused, and the error names the option", () => {
  const identify = serverIdentifier({ issuer: ISSUER });
  assert.throws(() => identify(requestTo('/x'), '/par'), wrong('endpoint'));
});

for (const [name, options] of [
  ['issuer', { issuer: () => 'as' }],
  ['tokenEndpoint', { issuer: ISSUER, tokenEndpoint: () => '/token' }],
  ['endpoint', { issuer: ISSUER, endpoint: () => '' }],
] as const satisfies readonly (readonly [string, ServerIdentityOptions])[]) {
  test(`a function whose ${name} is not a URL is refused, and the error names the option`, async () => {
    await assert.rejects(async () => serverIdentifier(options)(requestTo('/x')), wrong(name));
  });
}

for (const name of ['issuer', 'tokenEndpoint', 'endpoint'] as const) {
  test(`${name} is the text of a URL or a function, and nothing else`, () => {
    const read = SERVER_IDENTITY_OPTIONS[name];
    const make = () => ISSUER;
    assert.equal(read(name, ISSUER), ISSUER);
    assert.equal(read(name, make), make);
    for (const value of ['as.example', '', 5, null, new URL(ISSUER)]) {
      assert.throws(() => read(name, value), wrong(name));
    }
  });
}
