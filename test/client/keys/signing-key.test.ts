import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { calculateJwkThumbprint, decodeProtectedHeader, exportJWK, jwtVerify } from 'jose';
import {
  AssertionService,
  type KeyDemands,
  KeyRing,
  SigningKey,
} from '../../../lib/client/index.js';
import { jwkThumbprint } from '../../../lib/client/keys/key-material.js';
import { ALGORITHMS, type Algorithm } from '../../../lib/shared/jose.js';
import { certificateOf } from '../../support/certificate.js';
import {
  encryptedPem,
  keyForms,
  PASSPHRASE,
  pem,
  privateCryptoKey,
  privateJwk,
  subtleAlgorithm,
} from '../../support/key-forms.js';
import { keyPair, newKeyPair } from '../../support/keys.js';

const ASYMMETRIC = ALGORITHMS.filter((alg) => !/^(HS|ML)/.test(alg));
const symmetric = { kty: 'oct', k: 'a'.repeat(86) };

for (const alg of ASYMMETRIC) {
  test(`${alg} signs with every form of its key`, async () => {
    const pair = keyPair(alg);
    const thumbprint = await calculateJwkThumbprint(await exportJWK(pair.publicKey));
    for (const [form, key] of Object.entries(await keyForms(pair))) {
      const signingKey = SigningKey.from({ key, alg, passphrase: PASSPHRASE });
      const jwt = await signingKey.signJwt({ iss: 'client' }, { typ: 'JWT' });
      const { payload, protectedHeader } = await jwtVerify(jwt, pair.publicKey);
      assert.equal(payload.iss, 'client', form);
      assert.deepEqual(protectedHeader, { typ: 'JWT', alg, kid: thumbprint }, form);
      assert.deepEqual(
        signingKey.publicJwk,
        { ...pair.publicJwk, kid: thumbprint, alg, use: 'sig' },
        form,
      );
    }
  });
}

for (const alg of ['HS256', 'HS384', 'HS512'] as const) {
  test(`${alg} signs with a symmetric key, and shows nothing of the key`, async () => {
    const secret = createSecretKey(Buffer.from(symmetric.k, 'base64url'));
    for (const key of [symmetric, JSON.stringify(symmetric), secret]) {
      const signingKey = SigningKey.from({ key, alg });
      const { protectedHeader } = await jwtVerify(await signingKey.signJwt({}), secret);
      assert.deepEqual(protectedHeader, { alg });
      assert.equal(signingKey.publicJwk, undefined);
    }
  });
}

const DEFAULTS: readonly (readonly [string, Algorithm])[] = [
  ['PS512', 'RS256'],
  ['ES256', 'ES256'],
  ['ES384', 'ES384'],
  ['ES512', 'ES512'],
  ['Ed25519', 'EdDSA'],
];

for (const [of, alg] of DEFAULTS) {
  const { privateKey } = keyPair(of);
  test(`the alg of a key of ${privateKey.asymmetricKeyType} for ${of} is ${alg} by default`, () => {
    assert.equal(SigningKey.from(privateKey).alg, alg);
  });
}

test('a JWK and a CryptoKey keep their own alg', async () => {
  const pair = keyPair('PS384');
  const jwk = { ...privateJwk(pair), alg: 'PS384' };
  assert.equal(SigningKey.from(jwk).alg, 'PS384');
  assert.equal(SigningKey.from({ key: jwk, alg: 'PS384' }).alg, 'PS384', 'which may be repeated');
  assert.equal(SigningKey.from(await privateCryptoKey(pair, true)).alg, 'PS384');
  assert.equal(SigningKey.from(symmetric).alg, 'HS256');
});

test('the kid comes from the option or the JWK, or is left out', () => {
  const jwk = { ...privateJwk(keyPair('ES256')), kid: 'own' };
  assert.equal(SigningKey.from(jwk).kid, 'own');
  assert.equal(SigningKey.from({ key: jwk, kid: 'set' }).kid, 'set');
  const without = SigningKey.from({ key: jwk, kid: false });
  assert.equal(without.kid, undefined);
  assert.equal(Object.hasOwn(without.publicJwk ?? {}, 'kid'), false);
});

test('the thumbprint of the example in RFC 7638 §3.1 is the thumbprint in the RFC', () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
  const jwk = { kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' };
  assert.equal(jwkThumbprint(jwk), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
});

test('a header without a kid has no member kid', async () => {
  const key = SigningKey.from({ key: keyPair('ES256').privateKey, kid: false });
  assert.deepEqual(decodeProtectedHeader(await key.signJwt({})), { alg: 'ES256' });
});

test('a header may be used for several JWTs, however each server identifies keys', async () => {
  const pair = keyPair('ES256');
  const certificate = await certificateOf(pair);
  const key = SigningKey.from({ key: pair.privateKey, certificate });
  for (const header of [{ typ: 'JWT' }, Object.freeze({ typ: 'JWT' })]) {
    const namesFor = async (keyHeader?: KeyDemands['keyHeader']) =>
      Object.keys(decodeProtectedHeader(await key.signJwt({}, header, { keyHeader })));
    assert.deepEqual(await namesFor(['kid']), ['typ', 'alg', 'kid']);
    assert.deepEqual(await namesFor(['x5t#S256']), ['typ', 'alg', 'x5t#S256']);
    assert.deepEqual(await namesFor(), ['typ', 'alg', 'kid', 'x5t', 'x5t#S256']);
  }
});

test('a changed header is serialized anew', async () => {
  const key = SigningKey.from(keyPair('ES256').privateKey);
  const header = { typ: 'JWT' };
  assert.equal(decodeProtectedHeader(await key.signJwt({}, header)).typ, 'JWT');
  header.typ = 'logout+jwt';
  assert.equal(decodeProtectedHeader(await key.signJwt({}, header)).typ, 'logout+jwt');
});

test('a CryptoKey that cannot be exported signs once its kid is set', async () => {
  for (const alg of ASYMMETRIC) {
    const pair = keyPair(alg);
    const hidden = await privateCryptoKey(pair, false);
    const key = SigningKey.from({ key: hidden, kid: 'hidden', alg });
    const { protectedHeader } = await jwtVerify(await key.signJwt({}), pair.publicKey);
    assert.deepEqual(protectedHeader, { alg, kid: 'hidden' });
    assert.equal(key.publicJwk, undefined);
    assert.throws(() => SigningKey.from(hidden), /cannot be exported.*set kid, or kid: false/);
  }
});

test('a symmetric CryptoKey signs', async () => {
  const key = await webcrypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-384' }, true, ['sign']);
  const signingKey = SigningKey.from(key);
  assert.equal(signingKey.alg, 'HS384');
  assert.equal(signingKey.kid, undefined);
  const { protectedHeader } = await jwtVerify(
    await signingKey.signJwt({}),
    createSecretKey(Buffer.from(await webcrypto.subtle.exportKey('raw', key))),
  );
  assert.equal(protectedHeader.alg, 'HS384');
});

test('a SigningKey is accepted as it is', () => {
  const key = SigningKey.from(keyPair('ES256').privateKey);
  assert.equal(SigningKey.from(key), key);
});

const ec = keyPair('ES256');
const rsa = keyPair('RS256');
const publicPem = ec.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const damaged = pem(ec)
  .replace(/[\w+/]{8}\n-/, 'AAAAAAAA\n-')
  .replace('MIG', 'AAA');

const pkcs8 = ec.privateKey.export({ type: 'pkcs8', format: 'der' });
const jwkText = JSON.stringify(privateJwk(ec));
const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64');
const CONVERT =
  /is DER, but not a private key that can be read: convert it with openssl pkey -in client\.der -out client\.pem, or a PKCS#12 file with openssl pkcs12 -in client\.p12 -out client\.pem -nodes/;

/** What goes wrong, the input, and what the message says. */
const MISTAKES: readonly (readonly [string, unknown, RegExp])[] = [
  ['nothing', undefined, /no key was given/],
  ['nothing in an option', { key: undefined }, /no key was given/],
  ['null in an option', { key: null, kid: 'x' }, /no key was given/],
  ['a variable that is empty', '', /is empty: is its environment variable set/],
  ['a line of settings with base64 of PEM', `key: ${base64(pem(ec))}`, /neither PEM nor the JSON/],
  ['a line of settings with base64 of DER', `key: ${base64(pkcs8)}`, /neither PEM nor the JSON/],
  ['a word that starts as base64 of DER', 'MISSING', /neither PEM nor the JSON/],
  ['PKCS#12', Buffer.from('308209c202010330820988', 'hex'), CONVERT],
  ['a picture', Buffer.from('ffd8ffe0', 'hex'), /neither PEM nor the JSON/],
  ['a Promise', Promise.resolve(pem(ec)), /is a Promise: await it/],
  ['a Promise in an option', { key: Promise.resolve(pem(ec)) }, /is a Promise: await it/],
  ['a function', () => pem(ec), /is a function: give what it returns/],
  ['a list', [pem(ec)], /is a list: use a KeyRing/],
  ['a key pair', ec, /is a key pair: give its privateKey/],
  ['a URL', new URL('file:///client.pem'), /is a URL: give the content of the file/],
  ['an ArrayBuffer', new ArrayBuffer(8), /is an ArrayBuffer: use new Uint8Array\(key\)/],
  [
    'an AssertionService',
    new AssertionService({ clientId: 'client', key: ec.privateKey }),
    /is an AssertionService: give the key that it was made from/,
  ],
  [
    'a SigningKey in an option',
    { key: SigningKey.from(ec.privateKey) },
    /is a KeyRing or SigningKey: give it by itself, without options/,
  ],
  ['a KeyRing in an option', { key: new KeyRing({ keys: [ec.privateKey] }) }, /give it by itself/],
  ['a number', 1, /no kty/],
  ['a JWK Set as text', `{"keys":[${jwkText}]}`, /JWK Set: give one of its keys/],
  ['a kid that is no text', { key: ec.privateKey, kid: 1 }, /kid must be text, or false for none/],
  ['null', null, /no key was given/],
  ['a public key in PEM', publicPem, /is a public key: give the private key/],
  ['a public JWK', ec.publicJwk, /is a public key: give the private key/],
  ['a public KeyObject', ec.publicKey, /is a public key: give the private key/],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nAA\n', /PEM is a certificate: give its private/],
  ['a key of OpenSSH', '-----BEGIN OPENSSH PRIVATE KEY-----', /convert it with ssh-keygen/],
  ['the path of a file', './client.pem', /is the name of a file: give the content of the file/],
  ['a JWK in JavaScript', `module.exports = ${jwkText}`, /neither PEM nor the JSON/],
  ['a JWK in a call', `parse(${jwkText})`, /neither PEM nor the JSON/],
  ['JSON that is none', '{"kty":', /not JSON/],
  ['a JWK Set', { keys: [privateJwk(ec)] }, /JWK Set: give one of its keys/],
  ['an object that is no JWK', { d: 'x' }, /no kty/],
  ['a JWK that is no key', { kty: 'EC', crv: 'P-256', d: 'x' }, /type EC is not a valid private/],
  ['an oct key without k', { kty: 'oct' }, /no member k/],
  ['an encryption key', { ...privateJwk(ec), use: 'enc' }, /not for signatures: its use is "enc"/],
  ['a key to derive with', { ...privateJwk(ec), key_ops: ['deriveKey'] }, /key_ops lack sign/],
  ['an encrypted key without passphrase', encryptedPem(ec), /encrypted: give its passphrase/],
  [
    'a wrong passphrase',
    { key: encryptedPem(ec), passphrase: 'no' },
    /cannot be decrypted: the passphrase is wrong/,
  ],
  [
    'a wrong passphrase of PKCS#1',
    { key: encryptedPem(rsa, 'pkcs1'), passphrase: 'no' },
    /cannot be decrypted: the passphrase is wrong/,
  ],
  [
    'a wrong passphrase of DER',
    { key: Buffer.from(encryptedPem(ec).replace(/-----.*-----/g, ''), 'base64'), passphrase: 'no' },
    /cannot be decrypted: the passphrase is wrong, or it is damaged/,
  ],
  [
    'an encrypted DER without passphrase',
    Buffer.from(encryptedPem(ec).replace(/-----.*-----/g, ''), 'base64'),
    /encrypted: give its passphrase/,
  ],
  [
    'an RSA JWK of n, e and d (RFC 7518 §6.3.2)',
    { ...privateJwk(rsa), p: undefined, q: undefined, dp: undefined, dq: undefined, qi: undefined },
    /the RSA JWK has no p, q, dp, dq, qi: export the key with all of its numbers/,
  ],
  [
    'an RSA JWK without its coefficient',
    { ...privateJwk(rsa), qi: null },
    /the RSA JWK has no qi: export/,
  ],
  ['an RSA JWK with a number', { ...privateJwk(rsa), d: 5 }, /type RSA is not a valid private key/],
  ['a damaged PEM', damaged, /does not hold a private key that can be read/],
  ['a damaged PEM with a name in quotes', `Name: "x"\n${damaged}`, /does not hold a private key/],
  ['RSA of 1024 bits', shortRsa, /has 1024 bits: use one of at least 2048/],
  ['HMAC of 8 bytes', { kty: 'oct', k: 'AAAAAAAAAAA' }, /8 bytes: HS256 needs at least 32/],
  ['another alg', { key: rsa.privateKey, alg: 'ES256' }, /ES256 does not fit.*RS256 or RS384/],
  ['the alg of another curve', { key: ec.privateKey, alg: 'ES384' }, /ES384.*use ES256\./],
  ['no alg at all', { key: rsa.privateKey, alg: 'none' }, /none does not fit the key/],
  [
    'an alg that contradicts the JWK',
    { key: { ...privateJwk(rsa), alg: 'RS256' }, alg: 'PS256' },
    /alg is PS256, but the JWK is for RS256/,
  ],
  ['a key agreement key', generateKeyPairSync('x25519').privateKey, /x25519 are not supported/],
  ['an unknown curve', newCurve('secp256k1'), /secp256k1 is not supported: use P-256/],
  ['an empty kid', { key: ec.privateKey, kid: '' }, /kid is empty: use kid: false/],
  ['x5c without certificate', { key: ec.privateKey, x5c: true }, /x5c.*give the certificate/],
];

const ALL = 'there are key, passphrase, alg, kid, certificate, x5c';

for (const [misspelt, remedy] of [
  ['cert', ALL],
  ['algorithm', ALL],
  ['keyId', ALL],
  ['passPhrase', 'use passphrase'],
] as const) {
  test(`${misspelt} is an unknown option of a key: the error says so`, () => {
    assert.throws(() => SigningKey.from({ key: pem(ec), [misspelt]: 'x' }), {
      name: 'TypeError',
      message: `A signing key has no option ${misspelt}: ${remedy}`,
    });
  });
}

test('an unrelated error of the application is passed on unchanged', () => {
  const outage = new Error('the vault is sealed');
  const options = {
    get key(): string {
      throw outage;
    },
  };
  assert.throws(
    () => SigningKey.from(options),
    (error) => error === outage,
  );
});

test('the type checker refuses a misspelt option too', () => {
  // @ts-expect-error
  assert.throws(() => SigningKey.from({ key: pem(ec), cert: 'x' }));
  // @ts-expect-error
  assert.throws(() => new KeyRing({ keys: [{ key: pem(ec), keyId: 'x' }] }));
  // @ts-expect-error
  SigningKey.from({ alg: 'ES256', keyId: 'x', sign: async (data: Uint8Array) => data });
});

test('a JWK with use sig or key_ops sign is accepted (RFC 7517 §4.2, §4.3)', () => {
  for (const said of [{ use: 'sig' }, { key_ops: ['sign'] }, { key_ops: ['verify'] }]) {
    assert.equal(SigningKey.from({ ...privateJwk(ec), ...said }).alg, 'ES256');
  }
});

for (const [member, value, message] of [
  ['kid', 1, /the kid of the JWK must be text, or false for none/],
  ['kid', '', /the kid of the JWK is empty/],
  ['kid', {}, /the kid of the JWK must be text/],
  ['alg', 7, /alg 7 does not fit the key: use ES256/],
] as const) {
  test(`a JWK whose ${member} is ${JSON.stringify(value)} is refused (RFC 7517 §4)`, () => {
    const jwk = { ...privateJwk(ec), [member]: value };
    assert.throws(() => SigningKey.from(JSON.stringify(jwk)), { name: 'TypeError', message });
  });
}

test('a kid or an alg of null in a JWK counts as absent', () => {
  const key = SigningKey.from(
    JSON.stringify({ ...privateJwk(ec), kid: null, alg: null, use: null }),
  );
  assert.equal(key.alg, 'ES256');
  assert.equal(key.kid, jwkThumbprint(ec.publicJwk));
});

test('white space before the JSON of a JWK does not matter', () => {
  assert.equal(SigningKey.from(`\n  ${jwkText}`).alg, 'ES256');
});

test('a byte order mark before a PEM or a JWK does not matter', () => {
  for (const text of [pem(ec), jwkText]) {
    for (const key of [`\uFEFF${text}`, Buffer.from(`\uFEFF${text}`)]) {
      assert.equal(SigningKey.from(key).alg, 'ES256');
    }
  }
  const marked = JSON.stringify({ ...privateJwk(ec), kid: 'a\uFEFFb' });
  assert.equal(SigningKey.from(marked).kid, 'a\uFEFFb', 'within a text it is a part of it');
});

test('a key without a kid is refused if the server identifies keys by kid', () => {
  const demands = { keyHeader: ['kid'] } as const;
  assert.throws(() => SigningKey.from({ key: ec.privateKey, kid: false }, demands), {
    name: 'TypeError',
    message: 'The signing key cannot be used: the server identifies keys by kid: set kid.',
  });
});

test('the alg of a key is checked against what the server accepts', () => {
  assert.throws(
    () => SigningKey.from({ key: rsa.privateKey, alg: 'RS256' }, { algorithms: ['PS256'] }),
    /its alg is RS256, but the server accepts PS256/,
  );
  assert.throws(() => SigningKey.from(rsa.privateKey, { algorithms: 'PS256' as never }), {
    name: 'TypeError',
    message: /algorithms must be a list/,
  });
});

function newCurve(namedCurve: string) {
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

for (const [mistake, input, message] of MISTAKES) {
  test(`${mistake} is refused with a sentence`, () => {
    assert.throws(
      () => SigningKey.from(input as Parameters<typeof SigningKey.from>[0]),
      (error: Error) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, /^The signing key cannot be used: .*[^.?][.?]$/s);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /BEGIN|PRIVATE KEY|correct horse/);
        return true;
      },
    );
  });
}

const privateOf = (pair: unknown) => (pair as { privateKey: unknown }).privateKey;

const CRYPTO_KEY_MISTAKES: readonly (readonly [string, () => Promise<unknown>, RegExp])[] = [
  [
    'a public CryptoKey',
    async () => {
      const jwk = ec.publicKey.export({ format: 'jwk' });
      return webcrypto.subtle.importKey('jwk', jwk, subtleAlgorithm('ES256'), true, ['verify']);
    },
    /is a public key/,
  ],
  [
    'a CryptoKey that may not sign',
    () => webcrypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']),
    /usages must include sign/,
  ],
  [
    'a CryptoKey of a broken hash',
    () => webcrypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-1' }, true, ['sign']),
    /HMAC with SHA-1 are not supported/,
  ],
  [
    'a CryptoKey of another curve',
    () => webcrypto.subtle.generateKey({ name: 'Ed448' }, true, ['sign', 'verify']).then(privateOf),
    /: CryptoKeys of Ed448 are not supported: use RSA/,
  ],
  [
    'a short RSA CryptoKey',
    async () => privateCryptoKey({ ...newKeyPair('RS256'), privateKey: shortRsa }, false),
    /has 1024 bits/,
  ],
];

for (const [mistake, make, message] of CRYPTO_KEY_MISTAKES) {
  test(`${mistake} is refused with a sentence`, async () => {
    const input = (await make()) as Parameters<typeof SigningKey.from>[0];
    assert.throws(() => SigningKey.from(input), { name: 'TypeError', message });
  });
}
