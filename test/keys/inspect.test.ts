import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { PrivateKeyJwtStrategy, RemoteJwkSets, type Secret } from '../../lib/index.js';
import { KeyCache } from '../../lib/keys/key-cache.js';
import { signAssertion } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const SHARED = `shared-${randomBytes(32).toString('hex')}`;
const OCT = randomBytes(32).toString('base64url');

const SECRETS: readonly Secret[] = [
  { type: 'SharedSecret', value: SHARED },
  { type: 'JsonWebKey', value: { kty: 'oct', k: OCT } },
  { type: 'JsonWebKey', value: JSON.stringify({ kty: 'oct', k: OCT }) },
  { type: 'JsonWebKey', value: keyPair('ES256').publicJwk },
];

function assertShowsNothing(value: unknown): void {
  for (const showHidden of [false, true]) {
    const shown = inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden });
    for (const secret of [SHARED, OCT]) assert.ok(!shown.includes(secret), shown.slice(0, 500));
  }
  assert.ok(!String(JSON.stringify(value)).includes(SHARED));
}

test('a printed key cache shows no secret', () => {
  const cache = new KeyCache();
  for (const secret of SECRETS) cache.keysOf(secret);
  cache.noteSigner(SECRETS, 'a', SECRETS[0] as Secret);
  assertShowsNothing(cache);
});

test('a printed validator shows no secret of its clients', async () => {
  const validator = validatorOf([{ clientId: 'client', secrets: SECRETS }]);
  assert.equal(await outcome(validator, await signAssertion()), undefined);
  assertShowsNothing(validator);
});

test('a printed strategy and printed sets show no secret', () => {
  const jwksUri = new RemoteJwkSets();
  assertShowsNothing(jwksUri);
  assertShowsNothing(
    new PrivateKeyJwtStrategy({ issuer: 'https://as.example', jwksUri }, () => undefined),
  );
});
