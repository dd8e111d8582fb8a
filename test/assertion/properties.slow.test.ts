import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  assertionFailure,
  credentialsIn,
  hasAssertion,
  methodFailure,
} from '../../lib/assertion/credentials.js';
import { CLIENT_ASSERTION_TYPE, REASONS } from '../../lib/index.js';
import { decodeCompactJws } from '../../lib/keys/compact-jws.js';
import { safe } from '../../lib/shared/safe.js';
import { ISSUER, TOKEN_ENDPOINT, validClaims } from '../support/assertion.js';
import { clientWith, jwkSecret } from '../support/attacks.js';
import { fakeClock } from '../support/fake-clock.js';
import { type KeyPair, keyPair, newKeyPair } from '../support/keys.js';
import { encoded, hmacSigner, rawJws, rightSigner, type Signer } from '../support/raw-jws.js';
import { outcome, requestWith, validatorOf } from '../support/validator.js';

const SHARED = 'a shared secret of 32 bytes, long';

const segment = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  fc.json().map(encoded),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '=', 'e30', 'bnVsbA', 'W10', 'e30=', '.'),
);

test('the parser never throws, whatever the text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(segment, { maxLength: 6 }).map((segments) => segments.join('.')),
      ),
      (text) => {
        const decoded = decodeCompactJws(text);
        if (decoded === undefined) return;
        const [header = '', payload = '', signature = '', ...more] = text.split('.');
        assert.equal(more.length, 0);
        assert.equal(decoded.signingInput, `${header}.${payload}`);
        assert.equal(decoded.signature.toString('base64url'), signature);
        assert.equal(typeof decoded.header, 'object');
        assert.equal(typeof decoded.claims, 'object');
      },
    ),
    { numRuns: 3000 },
  );
});

test('two different texts never parse to the same assertion', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), segment, (bytes, other) => {
      const one = decodeCompactJws(`e30.e30.${Buffer.from(bytes).toString('base64url')}`);
      const two = decodeCompactJws(`e30.e30.${other}`);
      assert.ok(one !== undefined);
      if (two?.signature.equals(one.signature)) {
        assert.equal(other, Buffer.from(bytes).toString('base64url'));
      }
    }),
    { numRuns: 2000 },
  );
});

const NAMES = ['client_assertion', 'client_assertion_type', 'client_id', 'client_secret'];

const form = fc.dictionary(
  fc.oneof(fc.constantFrom(...NAMES), fc.constantFrom('__proto__', 'constructor'), fc.string()),
  fc.oneof(fc.constant(CLIENT_ASSERTION_TYPE), fc.string(), fc.anything()),
);

test('the reader of parameters never throws, and accepts only texts', () => {
  fc.assert(
    fc.property(form, fc.boolean(), fc.boolean(), (form, authorization, acceptGrantType) => {
      const sent = credentialsIn(form, authorization);
      const failure = assertionFailure(sent, acceptGrantType);
      if (failure !== undefined) {
        assert.ok(failure.reason in REASONS);
        assert.equal(failure.reason === 'client_assertion_absent', !hasAssertion(sent));
        return;
      }
      assert.equal(sent.client_assertion, form['client_assertion']);
      assert.ok(typeof sent.client_assertion === 'string' && sent.client_assertion !== '');
      assert.ok(['string', 'undefined'].includes(typeof sent.client_id));
      assert.equal(methodFailure(sent), undefined);
    }),
    { numRuns: 3000 },
  );
});

test('every value that is made safe to log is short and on one line', () => {
  fc.assert(
    fc.property(fc.anything({ maxDepth: 3 }), (value) => {
      const text = JSON.stringify(safe(value), (_, member: unknown) =>
        typeof member === 'bigint' ? String(member) : member,
      );
      assert.ok((text ?? '').length < 21 * 6 * 250);
      assert.doesNotMatch(text ?? '', /[\p{Cc}\u2028\u2029]/u);
    }),
    { numRuns: 2000 },
  );
});

interface Signing {
  readonly alg: string;
  readonly pair?: KeyPair;
  readonly sign: Signer;
}

const SIGNINGS: readonly Signing[] = [
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'].map((alg) => {
    const pair = keyPair(alg);
    return { alg, pair, sign: rightSigner(pair) };
  }),
  { alg: 'HS256', sign: hmacSigner('sha256', SHARED) },
];

const CLIENTS = [
  clientWith('client', [
    ...SIGNINGS.flatMap(({ pair }) => (pair === undefined ? [] : [jwkSecret(pair)])),
    { type: 'SharedSecret', value: SHARED },
  ]),
];

for (const { alg, sign } of SIGNINGS) {
  test(`no assertion is accepted after one change of one character: ${alg}`, async () => {
    const assertion = rawJws({ alg }, validClaims(), sign);
    const position = fc.oneof(
      fc.nat(assertion.length - 1),
      // Half of them in the signature, where the last characters are the delicate ones.
      fc.integer({ min: assertion.length - 90, max: assertion.length - 1 }),
      fc.constant(assertion.length - 1),
    );
    const letter = fc.oneof(
      fc.constantFrom(...'ABgwQx019-_.=+/ \n\u0000'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    const change = fc.oneof(
      fc.record({ removed: fc.constant(1), inserted: letter }),
      fc.record({ removed: fc.constant(0), inserted: letter }),
      fc.record({ removed: fc.constant(1), inserted: fc.constant('') }),
    );
    await fc.assert(
      fc.asyncProperty(position, change, async (at, { removed, inserted }) => {
        const changed = assertion.slice(0, at) + inserted + assertion.slice(at + removed);
        fc.pre(changed !== assertion);
        const reason = await outcome(validatorOf(CLIENTS), changed);
        assert.ok(reason !== undefined && reason in REASONS, changed);
      }),
      { numRuns: 400 },
    );
    assert.equal(await outcome(validatorOf(CLIENTS), assertion), undefined);
  });
}

const { now } = fakeClock();
const offset = fc.integer({ min: -800, max: 800 }).map((seconds) => now() + seconds);
const claimValue = fc.oneof(
  fc.constantFrom(ISSUER, TOKEN_ENDPOINT, [ISSUER], 'client', '', null),
  offset,
  fc.jsonValue({ maxDepth: 2 }),
);
const CLAIMS = ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'response_type'];
const HEADER = ['alg', 'typ', 'kid', 'crit', 'b64', 'x5t', 'x5t#S256', 'jwk'];
const headerValue = fc.oneof(
  fc.constantFrom('ES256', 'none', 'RS256', 'HS256', 'JWT', 'client-authentication+jwt', 'kid'),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Most often nothing, so that what comes late in the pipeline is reached as well. */
const seldom = <T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Partial<T>> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary });

const differences = (names: readonly string[], value: fc.Arbitrary<unknown>) =>
  seldom(fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 2 }));

const client = fc.record(
  {
    disabled: fc.boolean(),
    maxLifetime: fc.constantFrom(30, 3600),
    tokenEndpointAuthMethod: fc.constantFrom('private_key_jwt', 'client_secret_jwt', 'none'),
    tokenEndpointAuthSigningAlg: fc.constantFrom('ES256', 'RS256'),
    secrets: fc.constantFrom(
      [],
      [jwkSecret(newKeyPair('ES256'))],
      [jwkSecret(keyPair('ES256'), { kid: 'kid' })],
      [{ ...jwkSecret(keyPair('ES256')), expiration: 1 }],
      [{ type: 'SharedSecret', value: 'short' }],
    ),
  },
  { requiredKeys: [] },
);

const settings = fc.record(
  {
    audience: fc.constantFrom('issuer' as const, 'issuer-string' as const, 'compatible' as const),
    ignoreTrailingSlash: fc.boolean(),
    clockTolerance: fc.constantFrom(0, 5),
    maxLifetime: fc.constantFrom(60),
    maxAssertionLength: fc.constantFrom(100),
    algorithms: fc.constantFrom(['ES256'] as const, ['RS256'] as const),
  },
  { requiredKeys: [] },
);

const parameters = differences(NAMES, fc.oneof(fc.string(), fc.jsonValue()));

test('validate and explain always agree: the reason is that of the first check that failed', async () => {
  const reasons = new Map<string | undefined, number>();
  await fc.assert(
    fc.asyncProperty(
      differences(HEADER, headerValue),
      differences(CLAIMS, claimValue),
      seldom(client),
      seldom(settings),
      parameters,
      async (header, claims, more, options, changed) => {
        const valid = { ...validClaims(), iat: now(), exp: now() + 30 };
        const sign = rightSigner(keyPair('ES256'));
        const assertion = rawJws({ alg: 'ES256', ...header }, { ...valid, ...claims }, sign);
        const secrets = [jwkSecret(keyPair('ES256'))];
        const clients = [{ ...clientWith('client', secrets), ...more }] as typeof CLIENTS;
        const validator = validatorOf(clients, options);
        const request = requestWith(assertion);
        const sent = { ...request, parameters: { ...request.parameters, ...changed } };

        const explained = await validator.explain(sent);
        const reason = await validator.validate(sent).then(
          () => undefined,
          (error: { reason: string }) => error.reason,
        );
        const failed = explained.checks.find((check) => check.outcome === 'failed');
        assert.equal(reason, failed?.reason);
        assert.equal(explained.accepted, reason === undefined);
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(reasons.size > 15, [...reasons].join(' '));
  assert.ok((reasons.get(undefined) ?? 0) > 100);
});
