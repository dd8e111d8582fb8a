import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { decodeProtectedHeader } from 'jose';
import { SigningKey } from '../../../lib/client/index.js';
import { certificateOf } from '../../support/certificate.js';
import { pem, privateCryptoKey } from '../../support/key-forms.js';
import { keyPair, newKeyPair } from '../../support/keys.js';

const pair = keyPair('RS256');
const certificate = await certificateOf(pair);
const der = new X509Certificate(certificate).raw;
const thumbprint = (hash: string) => createHash(hash).update(der).digest('base64url');
const other = await certificateOf(newKeyPair('RS256'));

const FORMS = {
  PEM: certificate,
  'PEM as the bytes of a file': Buffer.from(certificate),
  DER: der,
  'base64 of DER': der.toString('base64'),
};

for (const [form, value] of Object.entries(FORMS)) {
  test(`the thumbprints of a certificate in ${form} go into the header (RFC 7515 §4.1.7)`, async () => {
    const key = SigningKey.from({ key: pair.privateKey, kid: false, certificate: value });
    assert.deepEqual(decodeProtectedHeader(await key.signJwt({})), {
      alg: 'RS256',
      x5t: thumbprint('sha1'),
      'x5t#S256': thumbprint('sha256'),
    });
  });
}

for (const [form, value] of Object.entries(FORMS)) {
  test(`a certificate in ${form} is base64 of DER in x5c (RFC 7515 §4.1.6)`, async () => {
    const key = SigningKey.from({ key: pair.privateKey, certificate: value, x5c: true });
    const { x5c } = decodeProtectedHeader(await key.signJwt({}));
    assert.deepEqual(x5c, [der.toString('base64')]);
  });
}

test('x5c never carries the private key that is beside the certificate (RFC 7515 §4.1.6)', async () => {
  const all = pem(pair) + certificate;
  const key = SigningKey.from({ key: all, certificate: all, x5c: true });
  assert.deepEqual(decodeProtectedHeader(await key.signJwt({})).x5c, [der.toString('base64')]);
});

test('the certificate of the key comes first, and may come after one that cannot be read', async () => {
  const unreadable = '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n';
  const key = SigningKey.from({
    key: pair.privateKey,
    certificate: unreadable + certificate,
    x5c: true,
  });
  assert.deepEqual(decodeProtectedHeader(await key.signJwt({})).x5c, [
    der.toString('base64'),
    'MAA=',
  ]);
});

test('x5c carries the certificate and its chain (RFC 7515 §4.1.6)', async () => {
  const key = SigningKey.from({
    key: pair.privateKey,
    certificate: certificate + other,
    x5c: true,
  });
  assert.deepEqual(decodeProtectedHeader(await key.signJwt({})).x5c, [
    der.toString('base64'),
    new X509Certificate(other).raw.toString('base64'),
  ]);
});

test('the header names the certificate and the kid of a key', async () => {
  const key = SigningKey.from({ key: pair.privateKey, certificate });
  const header = decodeProtectedHeader(await key.signJwt({}));
  assert.equal(header.kid, key.kid);
  assert.equal(header['x5t#S256'], thumbprint('sha256'));
});

test('the certificate of another key is refused, also with a chain', () => {
  for (const wrong of [other, other + other]) {
    assert.throws(
      () => SigningKey.from({ key: pair.privateKey, certificate: wrong }),
      /certificate belongs to another key, and so does every certificate of its chain/,
    );
  }
});

test('a key that cannot be exported accepts a certificate whose key fits its algorithm', async () => {
  const key = await privateCryptoKey(pair, false);
  const fitting = SigningKey.from({ key, kid: false, certificate });
  assert.equal(decodeProtectedHeader(await fitting.signJwt({}))['x5t#S256'], thumbprint('sha256'));
  const unfitting = await certificateOf(keyPair('ES256'));
  assert.throws(
    () => SigningKey.from({ key, kid: false, certificate: unfitting }),
    /certificate belongs to another key/,
  );
});

test('a certificate of another kind of key leaves no error behind for the next key', async () => {
  const ec = await certificateOf(keyPair('ES256'));
  assert.throws(
    () => SigningKey.from({ key: pair.privateKey, certificate: ec }),
    /certificate belongs to another key/,
  );
  assert.ok(SigningKey.from(pem(pair)));
});

test('a PEM converted from PKCS#12 gives the key and its certificate', async () => {
  const all = `Bag Attributes\n    friendlyName: client\n${certificate}Key Attributes: <No Attributes>\n${pem(pair)}`;
  const key = SigningKey.from({ key: all, certificate: all });
  assert.equal(decodeProtectedHeader(await key.signJwt({}))['x5t#S256'], thumbprint('sha256'));
});

const WRONG: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ['the path of a file', 'client.cer', /neither PEM nor base64: give the content of its file/],
  [
    'a chain whose second certificate is damaged',
    certificate + other.replace('\n-----END', '*\n-----END'),
    /neither PEM nor base64/,
  ],
  ['nothing', '', /certificate is empty/],
  ['base64 of something else', 'AAAA', /not an X\.509 certificate/],
];

for (const [what, wrong, message] of WRONG) {
  test(`${what} in place of a certificate is refused with a sentence`, () => {
    assert.throws(() => SigningKey.from({ key: pair.privateKey, certificate: wrong }), {
      name: 'TypeError',
      message,
    });
  });
}

test('for a server that identifies keys by x5c, a certificate without x5c: true is an error that says so', () => {
  const demands = { keyHeader: ['x5c'] } as const;
  assert.throws(
    () => SigningKey.from({ key: pair.privateKey, certificate }, demands),
    /the server identifies keys by x5c: set x5c: true/,
  );
  assert.throws(
    () => SigningKey.from(pair.privateKey, demands),
    /the server identifies keys by x5c: give its certificate/,
  );
});
