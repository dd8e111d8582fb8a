import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import express from 'express';
import {
  AssertionService,
  type JsonWebKey,
  KeyRing,
  publishClientMetadata,
  publishJwks,
  SigningKey,
} from '../../lib/client/index.js';
import { clientMetadataDocuments } from '../../lib/index.js';
import { fetchingEndpoint, namedKey, signNamed, statusOf } from '../support/jwks-host.js';
import { pem } from '../support/key-forms.js';
import { newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';

type Middleware = ReturnType<typeof publishJwks>;
type PublishedKeys = Parameters<typeof publishJwks>[0];

const pair = namedKey('1');

async function serve(t: TestContext, middleware: Middleware): Promise<string> {
  const app = express();
  app.use('/document', middleware);
  app.use((error: Error, _request: express.Request, response: express.Response, _next: unknown) => {
    response.status(500).json({ name: error.name });
  });
  const listening = await listen(app);
  t.after(() => listening.close());
  return `${listening.url}/document`;
}

const METADATA = {
  client_id: 'https://client.example/client.json',
  client_name: 'Example',
  redirect_uris: ['https://client.example/callback'],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks_uri: 'https://client.example/jwks.json',
};

const PUBLICATIONS: Record<string, readonly [() => Middleware, string, unknown]> = {
  'a JWK Set': [
    () => publishJwks([pair.publicJwk]),
    'application/json',
    { keys: [pair.publicJwk] },
  ],
  'a metadata document': [() => publishClientMetadata(METADATA), 'application/json', METADATA],
};

for (const [what, [publication, type, expected]] of Object.entries(PUBLICATIONS)) {
  test(`${what} is served with its type, and may be kept (RFC 9111)`, async (t) => {
    const response = await fetch(await serve(t, publication()));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), type);
    assert.equal(response.headers.get('cache-control'), 'public, max-age=300');
    assert.match(response.headers.get('etag') ?? '', /^"[\w-]{43}"$/);
    assert.equal(response.headers.get('vary'), what === 'a JWK Set' ? 'Accept' : null);
    assert.deepEqual(await response.json(), expected);
  });

  test(`${what} is not sent again to a reader that has the current version (RFC 9110 §13.1.2)`, async (t) => {
    const url = await serve(t, publication());
    const etag = (await fetch(url)).headers.get('etag') ?? '';
    for (const [known, status] of [
      [etag, 304],
      [`"other", W/${etag}`, 304],
      ['*', 304],
      ['"other"', 200],
    ] as const) {
      const response = await fetch(url, { headers: { 'if-none-match': known } });
      assert.equal(response.status, status, known);
      assert.equal(response.headers.get('etag'), etag);
      assert.equal(response.headers.get('cache-control'), 'public, max-age=300');
      assert.equal(response.headers.get('content-type'), status === 304 ? null : type);
    }
  });

  test(`${what} answers HEAD like GET, and leaves other methods alone`, async (t) => {
    const url = await serve(t, publication());
    const [head, get] = [await fetch(url, { method: 'HEAD' }), await fetch(url)];
    assert.equal(head.status, 200);
    assert.equal(await head.text(), '');
    for (const name of ['content-length', 'content-type', 'etag', 'cache-control']) {
      assert.equal(head.headers.get(name), get.headers.get(name), name);
    }
    assert.equal((await fetch(url, { method: 'POST' })).status, 404);
  });
}

const REGISTERED = 'application/jwk-set+json';
const PLAIN = 'application/json';

for (const [accept, type] of [
  ['*/*', PLAIN],
  [REGISTERED, REGISTERED],
  ['Application/JWK-Set+JSON', REGISTERED],
  [`${REGISTERED}, ${PLAIN}`, PLAIN],
  [`${REGISTERED}, ${PLAIN};q=0.9`, REGISTERED],
  [`${REGISTERED};q=0.8, ${PLAIN}`, PLAIN],
  [`${REGISTERED}, */*;q=0.1`, REGISTERED],
  [`${REGISTERED};q=0, */*`, PLAIN],
  [`${REGISTERED};q=0.9, ${PLAIN};q=0.2`, REGISTERED],
  [`${REGISTERED};q=0.5, ${PLAIN};q=high`, REGISTERED],
  [`application/*;q=0.5, ${PLAIN};q=0.1`, REGISTERED],
  [`*/*;q=0.5, ${PLAIN};q=0.1`, REGISTERED],
  [`*/*, application/*;q=0.5, ${PLAIN};q=0.6`, PLAIN],
  ['text/html', PLAIN],
  ['', PLAIN],
] as const) {
  test(`a JWK Set for a reader that accepts ${accept} is ${type} (RFC 9110 §12.5.1)`, async (t) => {
    const url = await serve(t, publishJwks([pair.publicJwk]));
    const response = await fetch(url, { headers: { accept } });
    assert.equal(response.headers.get('content-type'), type);
    assert.equal(response.headers.get('vary'), 'Accept');
    assert.deepEqual(await response.json(), { keys: [pair.publicJwk] });
  });
}

test('a JWK Set for a reader that says nothing about types is application/json (RFC 9110 §12.5.1)', async (t) => {
  const url = await serve(t, publishJwks([pair.publicJwk]));
  const [response] = (await once(get(url), 'response')) as [IncomingMessage];
  response.resume();
  assert.deepEqual([response.statusCode, response.headers['content-type']], [200, PLAIN]);
});

test('the two types of a JWK Set have different tags (RFC 9110 §8.8.1)', async (t) => {
  const url = await serve(t, publishJwks([pair.publicJwk]));
  const tagOf = async (accept: string) =>
    (await fetch(url, { headers: { accept } })).headers.get('etag');
  assert.notEqual(await tagOf(REGISTERED), await tagOf(PLAIN));
});

for (const [publishBefore, maxAge] of [
  [600, 300],
  [86_400, 300],
  [599, 299],
  [90, 45],
  [0, 0],
] as const) {
  test(`caches may keep a set for ${maxAge} s if a new key waits ${publishBefore} s before it signs`, async (t) => {
    const ring = new KeyRing({ keys: [pair.privateKey], publishBefore });
    for (const keys of [ring, new AssertionService({ ...SERVICE, key: ring })]) {
      const url = await serve(t, publishJwks(keys));
      const cacheControl = `public, max-age=${maxAge}`;
      assert.equal((await fetch(url)).headers.get('cache-control'), cacheControl);
    }
  });
}

test('publishJwks publishes the current keys of a KeyRing', async (t) => {
  let keys = [pair.privateKey];
  const ring = new KeyRing({ keys: () => keys, reloadEvery: 0 });
  const url = await serve(t, publishJwks(ring));
  const first = await fetch(url);
  assert.equal(((await first.json()) as { keys: unknown[] }).keys.length, 1);

  keys = [pair.privateKey, newKeyPair('ES256').privateKey];
  const second = await fetch(url);
  assert.equal(((await second.json()) as { keys: unknown[] }).keys.length, 2);
  assert.notEqual(second.headers.get('etag'), first.headers.get('etag'));
});

const SERVICE = { clientId: 'client', issuer: 'https://as.example' };

test('the keys of an AssertionService and of a SigningKey are published, for every kind of key', async (t) => {
  const key = SigningKey.from(pair.privateKey);
  const ring = new KeyRing({ keys: async () => [key] });
  for (const source of [
    key,
    new AssertionService({ ...SERVICE, key }),
    new AssertionService({ ...SERVICE, key: ring }),
  ]) {
    const url = await serve(t, publishJwks(source));
    assert.deepEqual(await (await fetch(url)).json(), { keys: [key.publicJwk] });
    assert.deepEqual(await source.publicJwks(), { keys: [key.publicJwk] });
  }
});

test('a key whose public half is unknown is not published', async () => {
  const secret = SigningKey.from({ kty: 'oct', k: 'A'.repeat(43) });
  const assertions = new AssertionService({ ...SERVICE, key: secret });
  const expected = {
    name: 'TypeError',
    message:
      'The key cannot be published: it is symmetric, cannot be exported, or its publicJwk is not known',
  };
  for (const publish of [
    () => publishJwks(secret),
    () => publishJwks(assertions),
    () => secret.publicJwks(),
  ]) {
    assert.throws(publish, expected);
  }
  await assert.rejects(assertions.publicJwks(), expected);
});

const privateJwk = pair.privateKey.export({ format: 'jwk' }) as { kty: string };
const symmetricJwk = { kty: 'oct', k: 'A'.repeat(43) };

/** Keys that only their owner may see, some of which no server would use for signatures. */
const SECRET_KEYS: readonly (readonly [string, unknown, RegExp])[] = [
  ['private', privateJwk, /private/],
  ['symmetric', symmetricJwk, /symmetric/],
  ['private WebCrypto', { ...privateJwk, key_ops: ['sign'] }, /private key \(member d\)/],
  ['private encryption', { ...privateJwk, use: 'enc' }, /private key \(member d\)/],
  [
    'symmetric encryption',
    { ...symmetricJwk, use: 'enc' },
    /symmetric key (is published )?\(member k\)/,
  ],
  ['private, unknown', { kty: 'AKP', priv: 'AA' }, /private key \(member priv\)/],
  ['halfway public RSA', { kty: 'RSA', use: 'enc', p: 'AA' }, /private key \(member p\)/],
  ['private PEM', pem(pair), /PEM holds a private key/],
  ['public, with its private half in PEM,', { ...pair.publicJwk, pem: pem(pair) }, /PEM holds/],
  ['private JWK as text', JSON.stringify(privateJwk), /the entry is not a JWK/],
  ['missing', null, /the entry is not a JWK/],
  ['private, in a getter,', { ...pair.publicJwk, toJSON: () => privateJwk }, /private key/],
];

for (const [what, key, message] of SECRET_KEYS) {
  const keys = [pair.publicJwk, key as JsonWebKey];
  test(`a ${what} key is not published`, async (t) => {
    assert.throws(() => publishJwks(keys), { name: 'TypeError', message });
    const url = await serve(t, publishJwks({ publicJwks: () => ({ keys }) }));
    const response = await fetch(url);
    assert.equal(response.status, 500);
    assert.deepEqual(await response.json(), { name: 'TypeError' });
  });

  test(`a ${what} key is not published in a metadata document`, () => {
    const document = { ...METADATA, jwks_uri: undefined, jwks: { keys } };
    assert.throws(() => publishClientMetadata(document), { name: 'TypeError', message });
    const asText = { ...METADATA, jwks_uri: undefined, jwks: JSON.stringify({ keys }) };
    assert.throws(() => publishClientMetadata(asText), { name: 'TypeError', message });
  });
}

// Express continues after some of these values, and skips handlers after the others.
for (const thrown of [undefined, 0, '', 'route', 'router']) {
  test(`a source that rejects with ${JSON.stringify(thrown)} ends in an error`, async (t) => {
    const url = await serve(t, publishJwks({ publicJwks: () => Promise.reject(thrown) }));
    const response = await fetch(url);
    assert.equal(response.status, 500);
    assert.deepEqual(await response.json(), { name: 'Error' });
  });
}

const NO_KEYS: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a PEM', pem(pair)],
  ['a function', () => ({ keys: [pair.publicJwk] })],
  ['a single JWK', pair.publicJwk],
  ['a private JWK', privateJwk],
  ['a KeyObject', pair.privateKey],
  ['an object without keys', {}],
  ['keys that are no list', { keys: pair.publicJwk }],
];

for (const [what, keys] of NO_KEYS) {
  test(`${what} in place of keys is refused, and not repeated`, () => {
    assert.throws(() => publishJwks(keys as PublishedKeys), {
      name: 'TypeError',
      message:
        'The keys must be an AssertionService, a SigningKey or KeyRing, a list of public JSON Web Keys, or a JWK Set',
    });
  });
}

test('a source without keys is an error that says so', async () => {
  const publish = publishJwks({ publicJwks: () => undefined as never });
  const passed: unknown[] = [];
  const request = { method: 'GET', headers: {} } as express.Request;
  await publish(request, {} as express.Response, (error) => passed.push(error));
  assert.match((passed[0] as Error).message, /^The keys cannot be published: .*not a JWK Set/);
});

test('a weak key is not published, even next to a good key', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const weak = publicKey.export({ format: 'jwk' }) as JsonWebKey;
  assert.throws(() => publishJwks([pair.publicJwk, weak]), {
    name: 'TypeError',
    message: /^The keys cannot be published: .*the RSA key has 1024 bits/,
  });
});

test('a set without keys is not published', () => {
  assert.throws(() => publishJwks([]), /no key for signatures/);
});

for (const [what, differences, message] of [
  ['an http client_id', { client_id: 'http://client.example/' }, /not https/],
  ['a client_id with a fragment', { client_id: 'https://client.example/#a' }, /fragment/],
  ['a client_secret', { client_secret: 'x' }, /client_secret, which anyone can read/],
  ['a private key', { jwks_uri: undefined, jwks: { keys: [privateJwk] } }, /private key/],
  ['no keys', { jwks_uri: undefined }, /neither jwks nor jwks_uri/],
  ['more than 5 KB', { client_name: 'x'.repeat(5120) }, /more than 5120 bytes/],
] as const) {
  test(`a metadata document with ${what} is refused when it is made (draft §3, §4.1, §8.7)`, () => {
    assert.throws(
      () => publishClientMetadata({ ...METADATA, ...differences }),
      (error: Error) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('a metadata document may have 5120 bytes', () => {
  const size = JSON.stringify(METADATA).length - METADATA.client_name.length;
  assert.ok(publishClientMetadata({ ...METADATA, client_name: 'x'.repeat(5120 - size) }));
  const larger = { ...METADATA, client_name: 'x'.repeat(5121 - size) };
  assert.throws(() => publishClientMetadata(larger), /more than 5120 bytes/);
});

test('the server half reads what the client half publishes', async (t) => {
  const app = express();
  const listening = await listen(app);
  t.after(() => listening.close());
  const client_id = `${listening.url}/client.json`;
  const jwks_uri = `${listening.url}/jwks.json`;
  app.use('/client.json', publishClientMetadata({ ...METADATA, client_id, jwks_uri }));
  app.use('/jwks.json', publishJwks([pair.publicJwk]));

  const find = clientMetadataDocuments({ allowedNetworks: ['localhost'] });
  const client = await find(client_id, undefined);
  assert.deepEqual(client?.secrets, [
    { type: 'MetadataDocument', value: client_id, description: 'jwks_uri' },
  ]);
  const endpoint = await fetchingEndpoint(t, client ? [client] : [], {
    allowedNetworks: ['localhost'],
  });
  assert.equal(await statusOf(endpoint, signNamed(pair, client_id)), 200);
});
