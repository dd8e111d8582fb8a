import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import express, { type RequestHandler } from 'express';
import { EmbeddedJWK, jwtVerify, SignJWT } from 'jose';
import { Passport } from 'passport';
import {
  type AssertionClient,
  type AuthenticationEvent,
  authenticateClient,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
  type Reason,
} from '../../lib/index.js';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { jwkSecret } from '../support/attacks.js';
import { type FakeClock, fakeClock } from '../support/fake-clock.js';
import { keyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { oauthAnswer } from '../support/oauth-answer.js';

// FAPI 2.0 Security Profile §5.3.2.1 and §5.4.1, as an authorization server shows it over HTTP.

const PAR_ENDPOINT = `${ISSUER}/par`;
const ALGORITHMS = ['PS256', 'ES256', 'EdDSA', 'RS256', 'PS384', 'ES384', 'HS256'] as const;
const SHARED = 'a shared secret of the tests, long enough';

/** One client for each alg; none has registered token_endpoint_auth_signing_alg. */
const clientOf = (alg: string): AssertionClient => ({
  clientId: alg,
  secrets: [
    alg === 'HS256' ? { type: 'SharedSecret', value: SHARED } : jwkSecret(keyPair(keyOf(alg))),
  ],
});

/** RSA keys sign with RS256 and PS256 alike. */
const keyOf = (alg: string): string => (alg.startsWith('PS') ? 'RS256' : alg);

type Mount = (strategy: PrivateKeyJwtStrategy) => RequestHandler;

const MOUNTS: Readonly<Record<string, Mount>> = {
  authenticateClient: (strategy) => authenticateClient(strategy),
  'passport.authenticate': (strategy) => {
    const passport = new Passport();
    passport.use(strategy);
    return passport.authenticate('private-key-jwt', { session: false, failWithError: true });
  },
};

async function server(t: TestContext, mount: Mount, before: readonly RequestHandler[] = []) {
  const events: AuthenticationEvent[] = [];
  const strategy = new PrivateKeyJwtStrategy(
    {
      issuer: ISSUER,
      tokenEndpoint: TOKEN_ENDPOINT,
      profile: 'fapi2',
      onAuthentication: (event) => events.push(event),
    },
    (clientId) => ALGORITHMS.map(clientOf).find((client) => client.clientId === clientId),
  );
  const app = express();
  app.post(
    ['/token', '/par'],
    express.urlencoded({ extended: false }),
    ...before,
    mount(strategy),
    (request, response) => {
      response.json({ clientId: (request.user as AssertionClient).clientId });
    },
  );
  app.use(oauthErrorHandler(strategy));
  const listening = await listen(app);
  t.after(() => listening.close());
  const post = (path: string, assertion: string, headers: Record<string, string> = {}) =>
    fetch(listening.url + path, { method: 'POST', headers, body: assertionForm(assertion) });
  return { events, post };
}

interface Row {
  readonly what: string;
  readonly alg?: (typeof ALGORITHMS)[number];
  readonly header?: Record<string, unknown>;
  readonly claims?: (now: number) => Record<string, unknown>;
  /** Absent if the assertion is accepted. */
  readonly reason?: Reason;
}

const aud = (what: string, value: unknown, reason?: Reason): Row => ({
  what,
  claims: () => ({ aud: value }),
  ...(reason !== undefined && { reason }),
});

const times = (what: string, claims: Row['claims'], reason?: Reason): Row => ({
  what,
  ...(claims !== undefined && { claims }),
  ...(reason !== undefined && { reason }),
});

const ROWS: readonly Row[] = [
  aud('aud is the issuer as a string', ISSUER),
  aud('aud is an array with the issuer alone', [ISSUER], 'audience_mismatch'),
  aud('aud is an array with the issuer first', [ISSUER, TOKEN_ENDPOINT], 'audience_mismatch'),
  aud('aud is the token endpoint', TOKEN_ENDPOINT, 'audience_mismatch'),
  aud('aud is the PAR endpoint', PAR_ENDPOINT, 'audience_mismatch'),
  aud('aud is an array with the PAR endpoint', [PAR_ENDPOINT], 'audience_mismatch'),
  aud('aud is the issuer with a slash', `${ISSUER}/`, 'audience_mismatch'),
  aud('aud is absent', undefined, 'audience_mismatch'),
  times('nbf and iat are 8 s ahead', (now) => ({ nbf: now + 8, iat: now + 8 })),
  times('nbf and iat are 60 s ahead', (now) => ({ nbf: now + 60, iat: now + 60, exp: now + 120 })),
  times('nbf is 61 s ahead', (now) => ({ nbf: now + 61, exp: now + 120 }), 'not_yet_valid'),
  times('iat is 61 s ahead', (now) => ({ iat: now + 61, exp: now + 120 }), 'issued_in_the_future'),
  times('exp was five minutes ago', (now) => ({ iat: now - 330, exp: now - 300 }), 'expired'),
  times('exp is absent', () => ({ exp: undefined }), 'expiration_invalid'),
  times('exp is a string', (now) => ({ exp: String(now + 60) }), 'expiration_invalid'),
  times('it lives for an hour', (now) => ({ exp: now + 3600 }), 'lifetime_too_long'),
  { what: 'the alg is PS256', alg: 'PS256' },
  { what: 'the alg is ES256', alg: 'ES256' },
  { what: 'the alg is EdDSA', alg: 'EdDSA' },
  {
    what: 'the alg is EdDSA by its newer name (RFC 9864)',
    alg: 'EdDSA',
    header: { alg: 'Ed25519' },
  },
  { what: 'the alg is RS256 (PKCS #1 v1.5)', alg: 'RS256', reason: 'algorithm_not_allowed' },
  { what: 'the alg is PS384', alg: 'PS384', reason: 'algorithm_not_allowed' },
  { what: 'the alg is ES384', alg: 'ES384', reason: 'algorithm_not_allowed' },
  { what: 'the alg is HS256', alg: 'HS256', reason: 'algorithm_not_allowed' },
  { what: 'typ is absent, as most client libraries leave it', header: { typ: undefined } },
  { what: 'typ is JWT', header: { typ: 'JWT' } },
  { what: 'typ is client-authentication+jwt', header: { typ: 'client-authentication+jwt' } },
];

const sign = async ({ alg = 'ES256', header = {}, claims = () => ({}) }: Row, clock: FakeClock) => {
  const all = { header: { alg, ...header }, claims: claims(clock.now()) };
  if (alg !== 'HS256') return signAssertion(alg, { pair: keyPair(keyOf(alg)), ...all });
  const claimsOfHmac = { iss: alg, sub: alg, aud: ISSUER, jti: randomUUID() };
  return new SignJWT({ ...claimsOfHmac, exp: clock.now() + 60 })
    .setProtectedHeader({ alg })
    .sign(Buffer.from(SHARED));
};

for (const [how, mount] of Object.entries(MOUNTS)) {
  for (const path of ['/token', '/par']) {
    test(`FAPI 2.0 by ${how} at ${path}`, async (t) => {
      const clock = fakeClock();
      t.after(() => clock.restore());
      const { events, post } = await server(t, mount);
      for (const row of ROWS) {
        await t.test(`${row.what}: ${row.reason ?? 'accepted'}`, async () => {
          const response = await post(path, await sign(row, clock));
          const event = events.at(-1);
          assert.equal(event?.reason, row.reason);
          if (row.reason === undefined) {
            assert.deepEqual(await response.json(), { clientId: row.alg ?? 'ES256' });
            return;
          }
          const { status, error } = await oauthAnswer(response);
          assert.deepEqual({ status, error }, { status: 401, error: 'invalid_client' });
        });
      }
    });
  }
}

/** DPoP with a nonce of the server (RFC 9449 §8), as far as it matters here. */
const dpopCheck =
  (nonce: string): RequestHandler =>
  async (request, response, next) => {
    const proof = await jwtVerify(String(request.headers['dpop']), EmbeddedJWK, {
      typ: 'dpop+jwt',
    }).catch(() => undefined);
    if (proof?.payload['nonce'] === nonce) return next();
    response.set('DPoP-Nonce', nonce).status(400).json({ error: 'use_dpop_nonce' });
  };

const dpopProof = async (nonce?: string) => {
  const { privateKey, publicJwk } = keyPair('ES256');
  const claims = { htm: 'POST', htu: TOKEN_ENDPOINT, jti: randomUUID() };
  const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: publicJwk as never };
  const proof = new SignJWT(nonce === undefined ? claims : { ...claims, nonce });
  return { dpop: await proof.setProtectedHeader(header).setIssuedAt().sign(privateKey) };
};

for (const [how, mount] of Object.entries(MOUNTS)) {
  test(`a DPoP challenge before ${how} leaves the jti unused: the same assertion works for the second request`, async (t) => {
    const { events, post } = await server(t, mount, [dpopCheck('nonce-1')]);
    const assertion = await signAssertion('ES256');
    const challenged = await post('/token', assertion, await dpopProof());
    assert.equal(challenged.status, 400);
    assert.deepEqual(await challenged.json(), { error: 'use_dpop_nonce' });
    assert.deepEqual(events, []);
    const nonce = challenged.headers.get('dpop-nonce') ?? '';
    const answered = await post('/token', assertion, await dpopProof(nonce));
    assert.deepEqual(await answered.json(), { clientId: 'ES256' });
    const again = await post('/token', assertion, await dpopProof(nonce));
    assert.equal((await oauthAnswer(again)).status, 401);
    assert.deepEqual(
      events.map(({ reason }) => reason),
      [undefined, 'replayed'],
    );
  });
}
