import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCompactJws } from '../lib/assertion/compact-jws.js';
import {
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  ClientAuthenticationError,
} from '../lib/index.js';
import { ISSUER, signAssertion, TOKEN_ENDPOINT, validClaims } from './support/assertion.js';
import { CLIENT, clientWith, jwkSecret } from './support/attacks.js';
import { keyPair } from './support/keys.js';

const CLIENTS = [CLIENT, clientWith('rsa', [jwkSecret(keyPair('RS256'))])];
const validator = new ClientAssertionValidator({}, (clientId) =>
  CLIENTS.find((client) => client.clientId === clientId),
);

const requestWith = (client_assertion: string) => ({
  issuer: ISSUER,
  tokenEndpoint: TOKEN_ENDPOINT,
  parameters: { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE },
});

/** Why an assertion is refused; undefined where it is accepted. Anything else that throws, throws. */
async function refusal(assertion: string): Promise<string | undefined> {
  try {
    await validator.validate(requestWith(assertion));
    return undefined;
  } catch (error) {
    if (error instanceof ClientAuthenticationError) return error.reason;
    throw error;
  }
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** Texts that come near to a JWS, and some that do not. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.string(), { maxLength: 6 }).map((parts) => parts.join('.')),
  fc
    .tuple(fc.json(), fc.json(), fc.base64String())
    .map(([header, claims, signature]) =>
      [base64url(header), base64url(claims), signature].join('.'),
    ),
);

test('no text makes the parser throw (RFC 7515 §5.2)', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const jws = decodeCompactJws(text);
      if (jws === undefined) return;
      assert.equal(`${jws.signingInput}.${jws.signature.toString('base64url')}`, text);
    }),
    { numRuns: 2000 },
  );
});

test('no text makes the validator throw anything but its own error', async () => {
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      assert.notEqual(await refusal(text), undefined);
    }),
    { numRuns: 500 },
  );
});

for (const [clientId, alg] of [
  ['client', 'ES256'],
  ['rsa', 'RS256'],
] as const) {
  test(`an assertion of ${alg} with one character changed is refused`, async () => {
    const assertion = await signAssertion(clientId, { pair: keyPair(alg) });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(assertion.length - 1),
        fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
        async (index, character) => {
          fc.pre(assertion[index] !== character);
          const changed = assertion.slice(0, index) + character + assertion.slice(index + 1);
          assert.notEqual(await refusal(changed), undefined, `${index}: ${character}`);
        },
      ),
      { numRuns: 1000 },
    );
    assert.equal(await refusal(assertion), undefined, 'the assertion itself is valid');
  });
}

/** Claims and headers that are valid but for what one of these puts in their place. */
const odd = fc.oneof(
  fc.constantFrom(undefined, null, '', 0, -1, 1e308, true, [], {}, 'JWT', 'none', ISSUER),
  fc.string(),
  fc.integer(),
);

test('validate and explain agree on every assertion', async () => {
  let accepted = 0;
  const names = (...all: string[]) => fc.dictionary(fc.constantFrom(...all), odd, { maxKeys: 2 });
  await fc.assert(
    fc.asyncProperty(
      names('typ', 'kid', 'crit', 'b64', 'x5t', 'cty'),
      names('iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'scope'),
      fc.constantFrom('client', 'rsa', 'nobody'),
      fc.constantFrom('ES256', 'RS256'),
      async (header, claims, clientId, alg) => {
        const all = { ...validClaims(clientId), ...claims };
        const key = keyPair(alg).privateKey;
        const input = `${base64url(JSON.stringify({ alg, ...header }))}.${base64url(JSON.stringify(all))}`;
        const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
        const assertion = `${input}.${signature.toString('base64url')}`;

        const explanation = await validator.explain(requestWith(assertion));
        const failed = explanation.checks.find(({ outcome }) => outcome === 'failed');
        const reason = await refusal(assertion);
        if (reason === 'replayed' || reason === 'replay_store_failed') return;
        assert.equal(reason, failed?.reason);
        assert.equal(explanation.accepted, reason === undefined);
        if (reason === undefined) accepted += 1;
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(accepted > 0, 'some were valid');
});
