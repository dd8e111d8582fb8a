import assert from 'node:assert/strict';
import { createHmac, createSecretKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { calculateJwkThumbprint, compactVerify, type JWK } from 'jose';
import { compactJws, signer, writeHeader } from '../../../lib/client/keys/jws.js';
import { jwkThumbprint } from '../../../lib/client/keys/key-material.js';
import type { Algorithm } from '../../../lib/shared/jose.js';
import { keyPair } from '../../support/keys.js';

// The signatures of node:crypto, as another library checks them.

for (const alg of [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const) {
  test(`${alg} signs header and claims (RFC 7515 §5.1)`, async () => {
    const { privateKey, publicKey } = keyPair(/^[RP]S/.test(alg) ? 'RS256' : alg);
    const header = writeHeader({ alg, kid: 'ä' });
    assert.deepEqual(header.parameters, { alg, kid: 'ä' });
    const jws = await compactJws(header, { sub: '€' }, signer(alg, privateKey));
    const { payload, protectedHeader } = await compactVerify(jws, publicKey);
    assert.deepEqual(protectedHeader, { alg, kid: 'ä' });
    assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), { sub: '€' });
    assert.match(jws, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  });
}

test('the salt of PS256 is as long as its hash (RFC 7518 §3.5)', async () => {
  const { privateKey, publicKey } = keyPair('RS256');
  const data = Buffer.from('data');
  const signature = await signer('PS256', privateKey)(data);
  const padding = 6;
  assert.equal(
    verify('sha256', data, { key: publicKey, padding, saltLength: 32 }, signature),
    true,
  );
});

for (const bits of [256, 384, 512]) {
  test(`HS${bits} is an HMAC of the secret (RFC 7518 §3.2)`, async () => {
    const secret = createSecretKey(Buffer.alloc(64, 7));
    const signature = await signer(`HS${bits}` as Algorithm, secret)(Buffer.from('data'));
    const hmac = createHmac(`sha${bits}`, secret).update('data').digest('hex');
    assert.equal(Buffer.from(signature).toString('hex'), hmac);
  });
}

test('a signature inside a larger buffer is encoded without the rest of the buffer', async () => {
  const bytes = Uint8Array.from([1, 2, 3, 4, 5]).subarray(1, 4);
  const jws = await compactJws(writeHeader({}), {}, () => bytes);
  assert.equal(jws, 'e30.e30.AgME');
});

for (const [kty, jwk] of [
  ['EC', keyPair('ES256').publicJwk],
  ['OKP', keyPair('EdDSA').publicJwk],
  ['RSA', keyPair('RS256').publicJwk],
  ['AKP', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' }],
] as const) {
  test(`the thumbprint of an ${kty} key equals the one from another library (RFC 7638 §3.2)`, async () => {
    const named = { kid: 'a', use: 'sig', ...jwk };
    assert.equal(jwkThumbprint(named), await calculateJwkThumbprint(jwk as JWK));
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    assert.notEqual(jwkThumbprint(named), jwkThumbprint(other as typeof named));
  });
}
