import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { allowInsecureRequests, Configuration, clientCredentialsGrant } from 'openid-client';
import {
  AssertionService,
  assertionFrom,
  ClientTokenManager,
  callProvider,
  clientAssertion,
  KeyRing,
  MemoryTokenStore,
  OpenIdConnectStrategy,
  publishJwks,
  SigningKey,
  UserTokenManager,
} from '../lib/client/index.js';
import {
  ClientAssertionValidator,
  MemoryReplayStore,
  PrivateKeyJwtStrategy,
  RemoteJwkSets,
  type Secret,
} from '../lib/index.js';
import { RedisReplayStore } from '../lib/replay/redis.js';
import { assertionForm, signAssertion, validClaims } from './support/assertion.js';
import { keyPair, newKeyPair } from './support/keys.js';
import { listen } from './support/listen.js';
import { hmacSigner, rawAssertion } from './support/raw-jws.js';
import { keyService } from './support/remote-signer.js';
import { requestWith } from './support/validator.js';

// What is printed ends in logs (CWE-532): no public object and no error may show a secret.

const PAIR = newKeyPair('ES256');
const RSA = newKeyPair('RS256');
const SHARED = 'correct-horse-battery-staple-0123456789';
const ACCESS_TOKEN = 'access-token-9f2d7c41a6';
const REFRESH_TOKEN = 'refresh-token-5b8e03d2f7';
const CODE = 'authorization-code-c3a1';
const SECRET_IN_METADATA = 'client-secret-of-the-metadata';

const privateJwk = (pair: typeof PAIR) =>
  pair.privateKey.export({ format: 'jwk' }) as Record<string, string>;
const privatePem = (pair: typeof PAIR) =>
  pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** The private members of RFC 7518 §6: those that the public half lacks. */
const privateMembers = (pair: typeof PAIR): string[] =>
  Object.entries(privateJwk(pair))
    .filter(([name]) => !(name in pair.publicJwk))
    .map(([, value]) => value);

/** How a printer may write text. */
const spellings = (text: string): string[] => [
  text,
  Buffer.from(text).toString('base64').replaceAll('=', ''),
  Buffer.from(text).toString('base64url'),
  Buffer.from(text).toString('hex'),
];

const KEYS = [PAIR, RSA].flatMap((pair) => [
  ...privateMembers(pair),
  ...privatePem(pair).split('\n').slice(1, -2),
]);

/** Everything that a test has used and nobody else may see. */
class Secrets {
  readonly #texts = new Set([
    ...KEYS,
    ...[SHARED, ACCESS_TOKEN, REFRESH_TOKEN, CODE].flatMap(spellings),
  ]);

  /** Notes an assertion: neither it nor its signature may be shown. */
  note(jwt: string): string {
    this.#texts.add(jwt).add(jwt.slice(jwt.lastIndexOf('.') + 1));
    return jwt;
  }

  add(text: string): void {
    this.#texts.add(text);
  }

  absentFrom(what: string, value: unknown): void {
    const serialised = JSON.stringify(value) ?? '';
    const options = { depth: Number.POSITIVE_INFINITY, showHidden: false };
    const printed = inspect(value, { ...options, maxStringLength: null, maxArrayLength: null });
    const thrown = value instanceof Error ? `${value} ${value.stack}` : '';
    // inspect prints bytes in pairs of digits.
    const joined = printed.replace(/['"`]\s*\+\s*['"`]/g, '');
    const bytes = printed.replace(/(?<=\b[\da-f]{2}) (?=[\da-f]{2}\b)/g, '');
    for (const secret of this.#texts) {
      for (const output of [serialised, joined, bytes, thrown]) {
        assert.ok(!output.includes(secret), `${what} shows ${secret.slice(0, 30)}: ${printed}`);
      }
    }
  }
}

test('the search finds a secret in every form in which it could be shown', () => {
  const secrets = new Secrets();
  for (const value of [
    { deep: { deeper: { deepest: { at: [new Map([['a', REFRESH_TOKEN]])] } } } },
    { toJSON: () => SHARED },
    Buffer.from(SHARED),
    new Error('no', { cause: new Error('inner', { cause: { body: ACCESS_TOKEN } }) }),
    privatePem(PAIR),
    privateJwk(RSA),
  ]) {
    assert.throws(() => secrets.absentFrom('it', value), { name: 'AssertionError' });
  }
});

const thrownBy = async (what: () => unknown): Promise<unknown> => {
  try {
    await what();
  } catch (error) {
    return error;
  }
  assert.fail('nothing was thrown');
};

const signers: Readonly<Record<string, unknown>> = {
  'PKCS #8 in PEM': privatePem(PAIR),
  'a private JWK': privateJwk(PAIR) as never,
  'a JWK in text': JSON.stringify(privateJwk(RSA)),
  'a KeyObject': PAIR.privateKey,
  'a key with options': { key: privatePem(RSA), kid: 'a', alg: 'PS256' },
  'a remote signer': { ...keyService('ES256'), publicJwk: keyPair('ES256').publicJwk },
};

for (const [what, key] of Object.entries(signers)) {
  test(`a SigningKey and an AssertionService made of ${what} show no key and no assertion`, async () => {
    const secrets = new Secrets();
    const signingKey = SigningKey.from(key as never);
    const ring = new KeyRing({ keys: [key as never] });
    const services = [signingKey, key, ring].map(
      (each) =>
        new AssertionService({ clientId: 'client', key: each as never, issuer: 'https://as' }),
    );
    for (const service of services) {
      secrets.note(await service.createClientToken());
      secrets.note(await service.signAuthorizationRequest({ scope: 'openid' }));
    }
    secrets.absentFrom('SigningKey', signingKey);
    secrets.absentFrom('KeyRing', ring);
    secrets.absentFrom('publishJwks', publishJwks(ring));
    for (const service of services) secrets.absentFrom('AssertionService', service);
  });
}

test('the source of platform assertions and its errors show no assertion', async () => {
  const secrets = new Secrets();
  const jwt = secrets.note(await signAssertion());
  const expired = secrets.note(await signAssertion('client', { claims: { exp: 1 } }));
  const source = assertionFrom(() => jwt, { clientId: 'client' });
  assert.equal(await source.createClientToken(), jwt);
  secrets.absentFrom('assertionFrom', source);
  for (const [what, ask] of Object.entries({
    expired: () => expired,
    'of five parts': () => `${jwt}.${jwt}`,
    'in JSON': () => JSON.stringify({ token: jwt }),
    'in bytes': () => Buffer.from(jwt) as never,
    'in an object': () => ({ jwt }) as never,
    'too long': () => jwt.repeat(100),
  })) {
    const failing = assertionFrom(ask, { clientId: 'client' });
    secrets.absentFrom(what, await thrownBy(() => failing.createClientToken()));
  }
});

test('no error about a private key shows any of it', async () => {
  const secrets = new Secrets();
  const pem = privatePem(PAIR);
  const jwk = privateJwk(PAIR);
  const other = privateJwk(newKeyPair('ES256'));
  const wrong: readonly unknown[] = [
    pem.slice(0, -40),
    pem.replaceAll('\n', ''),
    pem.replace('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'),
    JSON.stringify(jwk).slice(0, -1),
    { ...jwk, d: `${jwk['d']}AA` },
    { ...jwk, x: other['x'], y: other['y'] },
    { ...privateJwk(RSA), kty: 'EC' },
    { keys: [jwk] },
    { kty: 'oct', k: Buffer.from(SHARED).toString('base64url') },
    { key: pem, alg: 'RS256' },
    { key: pem, kid: 7 },
    { key: jwk, certificate: pem },
    { ...keyService('ES256'), publicJwk: jwk },
    SHARED,
  ];
  let count = 0;
  for (const key of wrong) {
    for (const make of [
      () => SigningKey.from(key as never),
      () => new AssertionService({ clientId: 'client', key: key as never }),
      () => new KeyRing({ keys: [key] as never }),
    ]) {
      try {
        make();
      } catch (error) {
        count += 1;
        secrets.absentFrom(`the error about ${inspect(key).slice(0, 40)}`, error);
      }
    }
  }
  assert.ok(count > 2 * wrong.length, `${count} errors`);
});

test('the error of a remote signer does not contain the signed data', async () => {
  const secrets = new Secrets();
  const signed: string[] = [];
  const sign = async (data: Uint8Array): Promise<Uint8Array> => {
    signed.push(Buffer.from(data).toString());
    return new Uint8Array(3);
  };
  const service = new AssertionService({
    clientId: 'client',
    key: { alg: 'ES256', kid: 'remote', sign },
    issuer: 'https://as.example',
  });
  const error = await thrownBy(() => service.createClientToken());
  assert.equal(signed.length, 1);
  secrets.add(signed[0] ?? '');
  secrets.absentFrom('the error', error);
});

const CLIENT_SECRETS: readonly Secret[] = [
  { type: 'SharedSecret', value: SHARED },
  {
    type: 'JsonWebKey',
    value: { kty: 'oct', k: Buffer.from(`another-${SHARED}`).toString('base64url') },
  },
  { type: 'JsonWebKey', value: PAIR.publicJwk },
];

const byHmac = (claims: object = validClaims()) =>
  rawAssertion({ alg: 'HS256' }, claims, hmacSigner('sha256', SHARED));

test('the server half shows no shared secret and no assertion, nor do its errors', async () => {
  const secrets = new Secrets();
  const find = () => ({ clientId: 'client', secrets: CLIENT_SECRETS });
  const replay = new MemoryReplayStore();
  const jwksUri = new RemoteJwkSets();
  const validator = new ClientAssertionValidator({ replay, jwksUri }, find);
  const options = { issuer: 'https://as.example', replay, jwksUri };
  const strategy = new PrivateKeyJwtStrategy(options, find);
  const used = secrets.note(byHmac());
  await validator.validate(requestWith(used));
  const accepted = secrets.note(byHmac());
  await new Promise((resolve, reject) => {
    const passport = { success: resolve, fail: reject, pass: reject, error: reject };
    Object.assign(Object.create(strategy), passport).authenticate({
      method: 'POST',
      url: '/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Object.fromEntries(assertionForm(accepted)),
    });
  });
  for (const [what, value] of Object.entries({ validator, strategy, replay, jwksUri })) {
    secrets.absentFrom(what, value);
  }
  for (const assertion of [
    used,
    byHmac({ ...validClaims(), exp: 1 }),
    byHmac({ ...validClaims(), aud: used }),
    byHmac({ ...validClaims(), sub: used }),
    `${byHmac()}AAAA`,
    byHmac().replace(/\.[^.]+$/, '.AAAA'),
    `Bearer ${byHmac()}`,
  ]) {
    const request = requestWith(secrets.note(assertion));
    secrets.absentFrom('the error', await thrownBy(() => validator.validate(request)));
  }
});

test('a store in Redis shows no password of its connection', async () => {
  const secrets = new Secrets();
  const password = 'password-of-redis-17a';
  secrets.add(password);
  const client = {
    isOpen: true,
    options: { password },
    sendCommand: async () => assert.fail('WRONGPASS'),
    set: async () => assert.fail('WRONGPASS'),
    get: async () => null,
  };
  const store = new RedisReplayStore(client as never);
  secrets.absentFrom('RedisReplayStore', store);
  const entry = { key: 'a', expiresAt: Date.now() / 1000 + 60, client: 'a' };
  secrets.absentFrom('the error', await thrownBy(() => store.insert(entry as never)));
});

const json = (body: unknown, status = 200): RequestListener =>
  raw(JSON.stringify(body), 'application/json', status);

const raw =
  (body: string, type = 'application/json', status = 200): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };

const TOKENS = {
  access_token: ACCESS_TOKEN,
  refresh_token: REFRESH_TOKEN,
  token_type: 'bearer',
  expires_in: 600,
};
const { token_type, ...WITHOUT_TYPE } = TOKENS;

/** An error whose description repeats the values that were sent, `times` over, and is then cut. */
const echo =
  (
    write: (description: string, response: ServerResponse) => void,
    { times = 1, length = 4096 } = {},
  ): RequestListener =>
  async (request, response) => {
    const sent = [...new URLSearchParams(await text(request)).values()].join(' ');
    write(`bad: ${`${sent} `.repeat(times)}`.slice(0, length), response);
  };

const inBody = (error_description: string, response: ServerResponse) => {
  response.writeHead(400, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: 'invalid_grant', error_description }));
};
const inChallenge = (description: string, response: ServerResponse) => {
  const challenge = `Bearer error="invalid_token", error_description="${description}"`;
  response.writeHead(401, { 'www-authenticate': challenge }).end();
};

/** Answers of a provider that have tokens in them and cannot be used (RFC 6749 §5.1, §5.2). */
const MALFORMED: Readonly<Record<string, RequestListener>> = {
  'tokens without a type': json(WITHOUT_TYPE),
  'a type that is a number': json({ ...TOKENS, token_type: 7 }),
  'an expiry that is an object': json({ ...TOKENS, expires_in: { at: ACCESS_TOKEN } }),
  'an access token in a list': json({ ...TOKENS, access_token: [ACCESS_TOKEN] }),
  'a refresh token in a list': json({ ...TOKENS, refresh_token: [REFRESH_TOKEN] }),
  'a scope that is a number': json({ ...TOKENS, scope: 3 }),
  'an ID token that is none': json({ ...TOKENS, id_token: `${ACCESS_TOKEN}.a.b` }),
  'an ID token in a list': json({ ...TOKENS, id_token: [ACCESS_TOKEN] }),
  'a token type that nobody knows': json({ ...TOKENS, token_type: 'mac' }),
  'tokens in a list': json([TOKENS]),
  'a token as text': json(ACCESS_TOKEN),
  'truncated JSON': raw(JSON.stringify(TOKENS).slice(0, -5)),
  'JSON with more after it': raw(`${JSON.stringify(TOKENS)}${ACCESS_TOKEN}`),
  'tokens as a form': raw(`access_token=${ACCESS_TOKEN}`, 'application/x-www-form-urlencoded'),
  'tokens in HTML': raw(`<p>${ACCESS_TOKEN}</p>`, 'text/html'),
  'tokens with status 500': json(TOKENS, 500),
  'tokens with status 201': json(TOKENS, 201),
  'an error beside tokens': json({ ...TOKENS, error: 'server_error' }, 400),
  'a description that repeats what was sent': echo(inBody),
  'a description that repeats it again and again': echo(inBody, { times: 40, length: 100_000 }),
  'a description that ends in the middle of an assertion': echo(inBody, { length: 700 }),
  'a challenge that repeats what was sent': echo(inChallenge),
};

async function party(t: TestContext, answer: RequestListener) {
  const secrets = new Secrets();
  const provider = await listen(answer);
  t.after(() => provider.close());
  const assertions = new AssertionService({ clientId: 'client', key: PAIR.privateKey });
  const authenticate = clientAssertion(assertions);
  const config = new Configuration(
    {
      issuer: provider.url,
      authorization_endpoint: `${provider.url}/authorize`,
      token_endpoint: `${provider.url}/token`,
      revocation_endpoint: `${provider.url}/revoke`,
    },
    'client',
    undefined,
    async (server, client, body, headers) => {
      await authenticate(server, client, body, headers);
      secrets.note(body.get('client_assertion') ?? '');
    },
  );
  allowInsecureRequests(config);
  const store = new MemoryTokenStore();
  const clients = new ClientTokenManager({ config, store });
  const users = new UserTokenManager({ config, store });
  const strategy = new OpenIdConnectStrategy(
    { config, assertions, callbackURL: 'https://client.example/cb' },
    (tokens, verified) => verified(null, tokens),
  );
  const request = { session: {}, sessionID: 'one' };
  return { secrets, config, assertions, store, clients, users, strategy, request };
}

type Party = Awaited<ReturnType<typeof party>>;

/** Logs in as Passport does it, and returns the error that Passport is given. */
async function failedLogin({ strategy, secrets }: Party): Promise<unknown> {
  const session: Record<string, unknown> = { regenerate: (done: () => void) => done() };
  const visit = (url: string) =>
    new Promise<unknown>((resolve) => {
      const passport = {
        redirect: resolve,
        success: () => resolve(undefined),
        fail: (info: unknown) => resolve(new Error('failed', { cause: info })),
        error: resolve,
      };
      const request = {
        method: 'GET',
        url,
        originalUrl: url,
        protocol: 'https',
        host: 'client.example',
        headers: { host: 'client.example', cookie: 'a=b' },
        get: () => 'client.example',
        session,
      };
      Object.assign(Object.create(strategy), passport).authenticate(request, {});
    });
  const sent = await visit('/login');
  assert.equal(typeof sent, 'string', inspect(sent));
  const state = new URL(String(sent)).searchParams.get('state') ?? '';
  const [pending] = session['openid-connect'] as { codeVerifier: string }[];
  secrets.add(pending?.codeVerifier ?? assert.fail());
  return visit(`/cb?code=${CODE}&state=${state}`);
}

for (const [what, answer] of Object.entries(MALFORMED)) {
  test(`no error and no object shows a token if a provider answers with ${what}`, async (t) => {
    const all = await party(t, answer);
    const { secrets, config, clients, users, request } = all;
    await users.save(request, { ...TOKENS, token_type: 'bearer' });
    const errors: unknown[] = [
      await failedLogin(all),
      await users.getToken(request, ACCESS_TOKEN).catch((error: unknown) => error),
      await clients.getToken().catch((error: unknown) => error),
      await callProvider(config, () => clientCredentialsGrant(config)).catch((e: unknown) => e),
      await users.revoke(request).catch((error: unknown) => error),
    ].filter((each) => each instanceof Error);
    assert.ok(errors.length > 0);
    for (const error of errors) secrets.absentFrom('an error', error);
    const { request: _, secrets: __, ...objects } = all;
    for (const [name, value] of Object.entries(objects)) secrets.absentFrom(name, value);
  });
}

test('managers and stores that hold tokens show none of them', async (t) => {
  const all = await party(t, json(TOKENS));
  const { secrets, clients, users, request, store } = all;
  await users.save(request, { ...TOKENS, token_type: 'bearer' });
  assert.equal((await clients.getToken()).accessToken, ACCESS_TOKEN);
  assert.equal((await users.getToken(request)).accessToken, ACCESS_TOKEN);
  const { request: _, secrets: __, ...objects } = all;
  for (const [name, value] of Object.entries(objects)) secrets.absentFrom(name, value);
  secrets.absentFrom('fetch', [clients.fetch('https://api'), users.fetch(request, 'https://api')]);
  await users.getToken(request, ACCESS_TOKEN);
  secrets.absentFrom('UserTokenManager', [users, store]);
});

test('a printed configuration does not show the secret in its metadata', async () => {
  const secrets = new Secrets();
  secrets.add(SECRET_IN_METADATA);
  const config = new Configuration(
    { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' },
    'client',
    { client_secret: SECRET_IN_METADATA },
  );
  const callbackURL = 'https://client.example/cb';
  const strategy = new OpenIdConnectStrategy({ config, callbackURL }, () => undefined);
  secrets.absentFrom('OpenIdConnectStrategy', strategy);
  secrets.absentFrom('ClientTokenManager', new ClientTokenManager({ config }));
});
