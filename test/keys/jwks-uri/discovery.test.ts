import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JwksUriOptions, RemoteJwkSets, sharedJwkSets } from '../../../lib/keys/jwks-uri.js';
import { fakeClock } from '../../support/fake-clock.js';
import { newKeyPair } from '../../support/keys.js';

// The documents of a platform: discovery (OpenID Connect Discovery §4) leads to its JWK Set.

const ISSUER = 'https://platform.example/tenant';
const DISCOVERY = `${ISSUER}/.well-known/openid-configuration`;
const JWKS_URI = 'https://keys.example/jwks.json';
const KEY = newKeyPair('ES256', { kid: '1' }).publicJwk;
const DOCUMENT = { issuer: ISSUER, jwks_uri: JWKS_URI };

/** Sets that fetch these documents; a number is the status of an answer without a document. */
function setsOf(documents: Record<string, unknown>, options: JwksUriOptions = {}) {
  const asked: string[] = [];
  const accepts: (string | undefined)[] = [];
  const fetch: JwksUriOptions['fetch'] = async (url, { headers }) => {
    asked.push(url);
    accepts.push(headers['accept']);
    const document = url in documents ? documents[url] : 404;
    const type = { 'content-type': 'application/json', 'cache-control': 'max-age=60' };
    return typeof document === 'number'
      ? new Response(null, { status: document, headers: type })
      : new Response(JSON.stringify(document), { headers: type });
  };
  return { sets: new RemoteJwkSets({ fetch, ...options }), asked, accepts, documents };
}

const outcomeOf = async (sets: RemoteJwkSets, issuer = ISSUER, seen?: string) => {
  const { uri, error } = await sets.discover(issuer, seen);
  return error === undefined ? uri : [uri, error.code, error.message];
};

test('discovery gives the jwks_uri of an issuer, and is fetched once', async () => {
  const { sets, asked, accepts } = setsOf({ [DISCOVERY]: DOCUMENT });
  assert.equal(sets.discoveredAtHand(ISSUER), undefined);
  assert.equal(await outcomeOf(sets), JWKS_URI);
  assert.equal(await outcomeOf(sets), JWKS_URI);
  assert.equal(sets.discoveredAtHand(ISSUER), JWKS_URI);
  assert.deepEqual([asked, accepts], [[DISCOVERY], ['application/json']]);
});

test('a set is asked for as a JWK Set (RFC 7517 §8.5) or as JSON', async () => {
  const { sets, accepts } = setsOf({ [JWKS_URI]: { keys: [KEY] } });
  const { set } = await sets.fetch(JWKS_URI, undefined);
  assert.equal(set?.keys[0]?.kid, '1');
  assert.deepEqual(accepts, ['application/jwk-set+json, application/json']);
});

test('the issuer of the document must be the issuer that was asked, to the final slash', async () => {
  const { sets, asked } = setsOf({ [DISCOVERY]: DOCUMENT });
  assert.equal(await outcomeOf(sets), JWKS_URI);
  assert.deepEqual(await outcomeOf(sets, `${ISSUER}/`), [
    undefined,
    'document_invalid',
    `${DISCOVERY}: its issuer is ${ISSUER}, not ${ISSUER}/`,
  ]);
  assert.equal(sets.discoveredAtHand(`${ISSUER}/`), undefined);
  assert.deepEqual(asked, [DISCOVERY], 'both issuers have one document');
});

for (const [document, message] of [
  [null, 'it has no issuer'],
  [[], 'it has no issuer'],
  [{ jwks_uri: JWKS_URI }, 'it has no issuer'],
  [{ ...DOCUMENT, issuer: [ISSUER] }, 'it has no issuer'],
  [{ issuer: ISSUER }, 'it has no jwks_uri'],
  [{ issuer: ISSUER, jwks_uri: 7 }, 'it has no jwks_uri'],
  [
    { issuer: ISSUER, jwks_uri: 'http://keys.example/' },
    'its jwks_uri cannot be used: the URL is not https',
  ],
] as const) {
  test(`the discovery document ${JSON.stringify(document)} is refused: ${message}`, async () => {
    const { sets } = setsOf({ [DISCOVERY]: document });
    assert.deepEqual(await outcomeOf(sets), [
      undefined,
      'document_invalid',
      `${DISCOVERY}: ${message}`,
    ]);
  });
}

test('during an outage the last good document serves, with the error; a 404 ends it', async () => {
  const { advance, restore } = fakeClock();
  const { sets, documents } = setsOf({ [DISCOVERY]: DOCUMENT });
  await outcomeOf(sets);
  const answers = async (status: number) => {
    documents[DISCOVERY] = status;
    advance(60);
    return outcomeOf(sets);
  };
  const failed = (status: number) => `${DISCOVERY}: its status is ${status}, not 200`;
  assert.deepEqual(await answers(503), [JWKS_URI, 'status_not_ok', failed(503)]);
  assert.equal(sets.discoveredAtHand(ISSUER), undefined);
  await answers(404);
  await new Promise(setImmediate);
  assert.deepEqual(await answers(404), [undefined, 'status_not_ok', failed(404)]);
  restore();
});

test('a document whose keys do not verify is fetched again, once in 30 s', async () => {
  const { advance, restore } = fakeClock();
  const { sets, asked, documents } = setsOf({ [DISCOVERY]: DOCUMENT });
  assert.equal(await outcomeOf(sets, ISSUER, JWKS_URI), undefined, 'nothing to fetch again');
  assert.deepEqual(asked, []);
  await outcomeOf(sets);
  documents[DISCOVERY] = { ...DOCUMENT, jwks_uri: `${JWKS_URI}?2` };
  assert.equal(await outcomeOf(sets, ISSUER, JWKS_URI), `${JWKS_URI}?2`);
  advance(29);
  assert.equal(await outcomeOf(sets, ISSUER, `${JWKS_URI}?2`), undefined);
  advance(1);
  documents[DISCOVERY] = { ...DOCUMENT, issuer: 'https://other.example' };
  assert.deepEqual(await outcomeOf(sets, ISSUER, `${JWKS_URI}?2`), [
    undefined,
    'document_invalid',
    `${DISCOVERY}: its issuer is https://other.example, not ${ISSUER}`,
  ]);
  assert.equal(asked.length, 3);
  restore();
});

test('a set in which no key verifies is fetched again, once in 30 s', async () => {
  const { advance, restore } = fakeClock();
  const { sets, asked, documents } = setsOf({ [JWKS_URI]: { keys: [KEY] } });
  const { set: seen } = await sets.fetch(JWKS_URI, undefined);
  assert.equal(sets.atHand(JWKS_URI), seen);
  documents[JWKS_URI] = { keys: [] };
  const { set: newer } = await sets.fetch(JWKS_URI, seen);
  assert.deepEqual(newer?.keys, []);
  advance(29);
  assert.deepEqual(await sets.fetch(JWKS_URI, newer), { set: undefined });
  advance(1);
  assert.ok((await sets.fetch(JWKS_URI, newer)).set);
  assert.equal(asked.length, 3);
  restore();
});

test('a set that cannot be fetched is an error, and the last good set serves during an outage', async () => {
  const { advance, restore } = fakeClock();
  const { sets, documents } = setsOf({ [JWKS_URI]: 503 });
  const { set, error } = await sets.fetch(JWKS_URI, undefined);
  assert.deepEqual([set, error?.code, error?.answered], [undefined, 'status_not_ok', 503]);
  documents[JWKS_URI] = { keys: [KEY] };
  advance(60);
  const { set: good } = await sets.fetch(JWKS_URI, undefined);
  documents[JWKS_URI] = 503;
  advance(60);
  const stale = await sets.fetch(JWKS_URI, undefined);
  assert.deepEqual([stale.set, stale.error?.answered], [good, 503]);
  restore();
});

test('what strangers publish does not displace the documents of an authenticated platform', async () => {
  const { sets, asked, documents } = setsOf(
    { [DISCOVERY]: DOCUMENT, [JWKS_URI]: { keys: [KEY] } },
    { maxEntries: 1 },
  );
  await outcomeOf(sets);
  await sets.fetch(JWKS_URI, undefined);
  sets.noteProved(JWKS_URI, ISSUER);
  for (const issuer of ['https://a.example', 'https://b.example']) {
    const jwks_uri = `${issuer}/jwks.json`;
    documents[`${issuer}/.well-known/openid-configuration`] = { issuer, jwks_uri };
    documents[jwks_uri] = { keys: [KEY] };
    assert.equal(await outcomeOf(sets, issuer), jwks_uri);
    await sets.fetch(jwks_uri, undefined);
  }
  assert.equal(asked.length, 6);
  assert.equal(sets.discoveredAtHand(ISSUER), JWKS_URI);
  assert.ok(sets.atHand(JWKS_URI));
});

for (const [what, named, remaining] of [
  ['a jwks_uri drops its set', JWKS_URI, [JWKS_URI, false]],
  ['an issuer drops its document and its set', ISSUER, [undefined, false]],
  ['another issuer drops neither', 'https://other.example', [JWKS_URI, true]],
] as const) {
  test(`forgetting ${what}`, async () => {
    const { sets } = setsOf({ [DISCOVERY]: DOCUMENT, [JWKS_URI]: { keys: [KEY] } });
    sets.forget(named);
    await outcomeOf(sets);
    await sets.fetch(JWKS_URI, undefined);
    sets.forget(named);
    assert.deepEqual(
      [sets.discoveredAtHand(ISSUER), sets.atHand(JWKS_URI) !== undefined],
      remaining,
    );
  });
}

for (const [what, create, most] of [
  ['of a registered client', (options: JwksUriOptions) => new RemoteJwkSets(options), 50],
  ['of a stranger', (options: JwksUriOptions) => RemoteJwkSets.ofStrangers(options), 10],
] as const) {
  test(`a set ${what} has at most ${most} keys`, async () => {
    const fetched = (count: number) => {
      const fetch = async () => Response.json({ keys: Array.from({ length: count }, () => KEY) });
      return create({ fetch }).fetch(JWKS_URI, undefined);
    };
    assert.equal((await fetched(most)).set?.keys.length, most);
    const { error } = await fetched(most + 1);
    assert.equal(error?.message, `${JWKS_URI}: the JWK Set has more than ${most} keys`);
  });
}

test('callers without sets of their own share one', () => {
  assert.ok(sharedJwkSets() instanceof RemoteJwkSets);
  assert.equal(sharedJwkSets(), sharedJwkSets());
});
