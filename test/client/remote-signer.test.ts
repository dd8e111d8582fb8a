import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { ALGORITHMS, SigningKey } from '../../lib/client/index.js';
import { certificateOf } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';
import { keyService } from '../support/remote-signer.js';

for (const alg of ALGORITHMS.filter((name) => !name.startsWith('HS'))) {
  test(`a remote key signs with ${alg}`, async () => {
    for (const dsaEncoding of ['der', 'ieee-p1363'] as const) {
      const service = keyService(alg, dsaEncoding);
      const jwt = await SigningKey.from(service).signJwt({ iss: 'client' }, { typ: 'JWT' });
      const { protectedHeader } = await jwtVerify(jwt, keyPair(alg).publicKey);
      assert.deepEqual(protectedHeader, { typ: 'JWT', alg, kid: 'remote' });
      assert.deepEqual(service.signed, [jwt.slice(0, jwt.lastIndexOf('.'))]);
    }
  });
}

for (const alg of ['ES256', 'ES384', 'ES512'] as const) {
  test(`${alg} signatures in DER are converted whatever the size of their numbers (RFC 7518 §3.4)`, async () => {
    const key = SigningKey.from(keyService(alg));
    const jwts = await Promise.all(Array.from({ length: 300 }, () => key.signJwt({})));
    for (const jwt of jwts) await jwtVerify(jwt, keyPair(alg).publicKey);
  });
}

/** r = 1 and s = 2, each of one byte, as DER would have them and as it would not. */
const DER: readonly (readonly [string, string, boolean])[] = [
  ['small numbers', '3006020101020102', true],
  ['a length in the long form', '308106020101020102', true],
  ['no signature', '', false],
  ['no sequence', '3106020101020102', false],
  ['a second number missing', '3003020101', false],
  ['a number that is no integer', '3006030101020102', false],
  ['a third number', '3009020101020102020103', false],
  ['bytes behind the sequence', '300602010102010200', false],
  ['a length beyond the end', '3007020101020102', false],
  ['a length of two bytes', '30820006020101020102', false],
  ['a number that is zero', '3006020101020100', false],
  ['a number too large for the curve', `30260221${'7f'.repeat(33)}020102`, false],
  ['a single byte', '30', false],
];

for (const [what, hex, valid] of DER) {
  test(`DER with ${what} is ${valid ? 'converted' : 'refused'}`, async () => {
    const key = SigningKey.from({ alg: 'ES256', sign: async () => Buffer.from(hex, 'hex') });
    if (!valid) {
      await assert.rejects(key.signJwt({}), /remote signer did not return a signature of ES256/);
      return;
    }
    const signature = Buffer.from((await key.signJwt({})).split('.')[2] ?? '', 'base64url');
    const number = (value: number) => value.toString(16).padStart(64, '0');
    assert.equal(signature.toString('hex'), number(1) + number(2));
  });
}

test('a remote signer that returns nothing is an error', async () => {
  const key = SigningKey.from({ alg: 'RS256', sign: async () => new Uint8Array() });
  await assert.rejects(key.signJwt({}), /did not return a signature of RS256/);
});

test('the error of a remote signer is the error of the call', async () => {
  const cause = new Error('the key service is down');
  const key = SigningKey.from({ alg: 'RS256', sign: () => Promise.reject(cause) });
  await assert.rejects(key.signJwt({}), (error) => error === cause);
});

test('a remote signer has no kid unless it names one', async () => {
  const { sign } = keyService('ES256');
  const jwt = await SigningKey.from({ alg: 'ES256', sign }).signJwt({});
  assert.deepEqual(decodeProtectedHeader(jwt), { alg: 'ES256' });
});

test('a remote signer needs an algorithm of JWS', () => {
  const input = { alg: 'ECDSA_SHA_256', sign: async (data: Uint8Array) => data };
  assert.throws(() => SigningKey.from(input as never), /alg is "ECDSA_SHA_256": use one of JWS/);
});

test('the certificate of a remote key is named in the header', async () => {
  const certificate = await certificateOf(keyPair('ES256'));
  const jwt = await SigningKey.from({ ...keyService('ES256'), certificate }).signJwt({});
  assert.match(decodeProtectedHeader(jwt)['x5t#S256'] as string, /^[\w-]{43}$/);
  assert.throws(
    () => SigningKey.from({ ...keyService('ES384'), certificate }),
    /certificate belongs to another key/,
  );
});
