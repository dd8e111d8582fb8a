import assert from 'node:assert/strict';
import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK, jwtVerify } from 'jose';
import { type JsonWebKey, type RemoteSigner, SigningKey } from '../../../lib/client/index.js';
import { ALGORITHMS, type Algorithm } from '../../../lib/shared/jose.js';
import { certificateOf } from '../../support/certificate.js';
import { keyPair, newKeyPair } from '../../support/keys.js';
import { keyService } from '../../support/remote-signer.js';

for (const alg of ALGORITHMS.filter((name) => !/^(HS|ML)/.test(name))) {
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
  ['a length in the long form that is missing', '3081', false],
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

const integer = (size: number) => `02${size.toString(16).padStart(2, '0')}${'01'.repeat(size)}`;

test('the longest length in the short form is one, and those of several bytes are not', async () => {
  const signed = (hex: string) =>
    SigningKey.from({ alg: 'ES512', sign: async () => Buffer.from(hex, 'hex') }).signJwt({});
  const jwt = await signed(`307f${integer(62)}${integer(61)}`);
  assert.equal(Buffer.from(jwt.split('.')[2] ?? '', 'base64url').length, 132);
  await assert.rejects(signed(`3083${integer(63)}${integer(64)}`), /did not return a signature/);
});

test('a DER signature is refused for algorithms other than ECDSA', async () => {
  const sign = async () => Buffer.from('3006020101020102', 'hex');
  for (const alg of ['EdDSA', 'HS256'] as const) {
    await assert.rejects(SigningKey.from({ alg, sign }).signJwt({}), /did not return a signature/);
  }
});

test('a remote signer that returns nothing is an error', async () => {
  const key = SigningKey.from({ alg: 'RS256', sign: async () => new Uint8Array() });
  await assert.rejects(key.signJwt({}), /did not return a signature of RS256/);
});

/** What `sign` returns that is no signature of the algorithm. */
const SIZES: readonly (readonly [Algorithm, number])[] = [
  ['RS256', 255],
  ['PS512', 128],
  ['EdDSA', 63],
  ['Ed25519', 65],
  ['HS256', 31],
  ['HS384', 64],
  ['HS512', 32],
];

for (const [alg, size] of SIZES) {
  test(`${size} bytes are no signature of ${alg}`, async () => {
    const key = SigningKey.from({ alg, sign: async () => new Uint8Array(size) });
    await assert.rejects(key.signJwt({}), {
      message: `The remote signer did not return a signature of ${alg}.`,
    });
  });
}

for (const [what, signature] of [
  ['base64', 'A'.repeat(344)],
  ['an ArrayBuffer', new ArrayBuffer(256)],
  ['a list of numbers', Array.from({ length: 256 }, () => 0)],
  ['nothing', undefined],
] as const) {
  test(`a remote signer that returns ${what} is told to return bytes`, async () => {
    const key = SigningKey.from({ alg: 'RS256', sign: async () => signature as never });
    await assert.rejects(key.signJwt({}), {
      name: 'TypeError',
      message:
        'The remote signer must return bytes (a Uint8Array): decode base64, and wrap an ArrayBuffer.',
    });
  });
}

for (const alg of ['HS256', 'HS384', 'HS512'] as const) {
  test(`a remote signer may hold a symmetric key, for ${alg}`, async () => {
    const secret = createSecretKey(randomBytes(64));
    const sign = async (data: Uint8Array) =>
      createHmac(`sha${alg.slice(2)}`, secret)
        .update(data)
        .digest();
    await jwtVerify(await SigningKey.from({ alg, sign }).signJwt({}), secret);
  });
}

/** A signer of data that was hashed before, as those do that ask a service for a digest. */
const hashedTwice = (alg: Algorithm): RemoteSigner => {
  const { sign, ...service } = keyService(alg);
  return { ...service, sign: (data) => sign(createHash('sha256').update(data).digest()) };
};

test('signatures of a remote signer are verified until the first correct one', async () => {
  const { publicJwk } = keyPair('ES256');
  const certificate = await certificateOf(keyPair('ES256'));
  for (const known of [{ publicJwk }, { certificate }]) {
    let signer = hashedTwice('ES256');
    const key = SigningKey.from({ ...signer, ...known, sign: (data) => signer.sign(data) });
    for (let times = 0; times < 2; times += 1) {
      await assert.rejects(
        key.signJwt({}),
        /does not verify.*did the signer hash the data twice\?/,
      );
    }
    signer = keyService('ES256');
    await jwtVerify(await key.signJwt({}), keyPair('ES256').publicKey);
    signer = hashedTwice('ES256');
    assert.ok(await key.signJwt({}), 'one that was right proves the rest');
  }
});

const ec = keyPair('ES256').publicJwk;
const privateEc = keyPair('ES256').privateKey.export({ format: 'jwk' }) as typeof ec;
const privateRsa = keyPair('RS256').privateKey.export({ format: 'jwk' }) as typeof ec;
const { d: _d, ...halfPrivate } = privateRsa;

test('the public half may be a key of a vault in hardware, as bytes', () => {
  const { n, e } = keyPair('RS256').publicJwk as unknown as Record<string, string>;
  const [own, exponent] = [n, e].map((text = '') =>
    Uint8Array.from(Buffer.from(text, 'base64url')),
  );
  for (const kty of ['RSA-HSM', 'RSA']) {
    const publicJwk = { kty, n: own, e: exponent };
    const key = SigningKey.from({ ...keyService('RS256'), publicJwk });
    assert.deepEqual(
      [key.publicJwk?.kty, key.publicJwk?.['n'], key.publicJwk?.['e']],
      ['RSA', n, e],
    );
  }
});

test('a PEM with several public keys is refused as the public half of a remote key', () => {
  const spki = keyPair('ES256').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const other = newKeyPair('ES256').publicKey.export({ type: 'spki', format: 'pem' });
  assert.throws(() => SigningKey.from({ ...keyService('ES256'), publicJwk: spki + other }), {
    name: 'TypeError',
    message: /publicJwk is wrong: it has several public keys/,
  });
});

const WRONG_PUBLIC_JWKS: readonly (readonly [string, Algorithm, JsonWebKey, RegExp])[] = [
  ['a private key', 'ES256', privateEc, /private key \(member d\)/],
  ['what is left of a private key without d', 'RS256', halfPrivate, /private key \(member p\)/],
  [
    'a symmetric key',
    'HS256',
    { kty: 'oct', k: 'A'.repeat(43) },
    /symmetric key is published \(member k\)/,
  ],
  ['a key of another curve', 'ES384', ec, /alg ES384 does not fit it: use ES256/],
  ['an RSA key', 'ES256', keyPair('RS256').publicJwk, /ES256 does not fit it: use RS256 or RS384/],
  ['a key for another alg', 'PS256', { ...keyPair('RS256').publicJwk, alg: 'RS256' }, /use RS256/],
  ['no key', 'ES256', { kty: 'EC' }, /curve "undefined" is not supported/],
];

for (const [what, alg, publicJwk, message] of WRONG_PUBLIC_JWKS) {
  test(`${what} is refused as the public half of a remote key`, () => {
    const signer = { ...keyService('ES256'), alg, publicJwk };
    assert.throws(() => SigningKey.from(signer), { name: 'TypeError', message });
    assert.throws(() => SigningKey.from(signer), /publicJwk is wrong: /);
  });
}

test('the certificate of a remote key must belong to its public half', async () => {
  const certificate = await certificateOf(newKeyPair('ES256'));
  assert.throws(
    () => SigningKey.from({ ...keyService('ES256'), publicJwk: ec, certificate }),
    /certificate belongs to another key/,
  );
});

test('the kid of a remote key is its own, that of its public half, or the thumbprint of it', async () => {
  const { sign } = keyService('ES256');
  const signer = { alg: 'ES256', sign } as const;
  const named = { ...ec, kid: 'published' };
  assert.equal(SigningKey.from({ ...signer, kid: 'own', publicJwk: named }).kid, 'own');
  assert.equal(SigningKey.from({ ...signer, publicJwk: named }).kid, 'published');
  const thumbprint = await calculateJwkThumbprint(ec as JWK);
  assert.equal(SigningKey.from({ ...signer, publicJwk: ec }).kid, thumbprint);
  assert.equal(SigningKey.from({ ...signer, kid: false, publicJwk: named }).kid, undefined);
});

test('the error of a remote signer reaches the caller unchanged', async () => {
  const cause = new Error('the key service is down');
  const key = SigningKey.from({ alg: 'RS256', sign: () => Promise.reject(cause) });
  await assert.rejects(key.signJwt({}), (error) => error === cause);
});

test('a remote signer has no kid unless it names one', async () => {
  const { sign } = keyService('ES256');
  const jwt = await SigningKey.from({ alg: 'ES256', sign }).signJwt({});
  assert.deepEqual(decodeProtectedHeader(jwt), { alg: 'ES256' });
});

test('a remote signer needs a JWS algorithm', () => {
  const input = { alg: 'ECDSA_SHA_256', sign: async (data: Uint8Array) => data };
  assert.throws(() => SigningKey.from(input as never), /alg is "ECDSA_SHA_256": use an alg of JWS/);
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
