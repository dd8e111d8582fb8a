import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertClientSecrets, type Secret } from '../../lib/index.js';
import { importSecret } from '../../lib/keys/import.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { clientCertificate } from '../support/certificate.js';
import { certificateAuthority } from '../support/certificate-authority.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';

const PAIRS = ['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA'].map((alg) => newKeyPair(alg));
const CERTIFICATES = await Promise.all(PAIRS.map((pair) => clientCertificate(pair)));

type Wrap = (text: string) => string;

/** What editors, shells, tools and .env files do to a PEM, none of which changes what it means. */
const PEM_WRAPPINGS: readonly Wrap[] = [
  (pem) => pem,
  (pem) => `\uFEFF${pem}`,
  (pem) => `\n\n  ${pem}\n\n`,
  (pem) => pem.replaceAll('\n', '\r\n'),
  (pem) => pem.replaceAll('\n', '\r'),
  (pem) => pem.replaceAll('\n', '\\n'),
  (pem) => pem.replaceAll('\n', '\\r\\n'),
  (pem) => JSON.stringify(pem),
  (pem) => `'${pem}'`,
  (pem) => pem.trim().replaceAll('\n', ' '),
  (pem) => pem.replaceAll('\n', ''),
  (pem) => pem.replaceAll('\n', '\n    '),
  (pem) => `Bag Attributes\n    localKeyID: 01 02\nsubject=CN = client\n${pem}`,
  (pem) => `# the key of the console\n\n${pem}\nsome text after it\n`,
  (pem) => Buffer.from(pem).toString('base64'),
];

const wrappings = fc
  .array(fc.constantFrom(...PEM_WRAPPINGS.slice(0, -1)), { maxLength: 2 })
  .chain((wraps) => fc.constantFrom(wraps, [...wraps, PEM_WRAPPINGS.at(-1) as Wrap]));

const keyOf = (secret: Secret) => {
  const { keys } = importSecret(secret);
  assert.equal(keys.length, 1);
  return keys[0]?.keyObject.export({ type: 'spki', format: 'der' }).toString('hex');
};

const expected = ({ publicKey }: KeyPair) =>
  publicKey.export({ type: 'spki', format: 'der' }).toString('hex');

const pemOf = ({ publicKey }: KeyPair, type: 'spki' | 'pkcs1' = 'spki'): string =>
  publicKey.export({ type: type as 'spki', format: 'pem' }).toString();

test('a public key in PEM is the same key in any wrapping (RFC 7468 §2)', () => {
  const index = fc.nat({ max: PAIRS.length - 1 });
  const property = fc.property(index, wrappings, (at, wraps) => {
    const pair = PAIRS[at] as KeyPair;
    const value = wraps.reduce((text, wrap) => wrap(text), pemOf(pair));
    assert.equal(keyOf({ type: 'PublicKeyPem', value }), expected(pair));
  });
  fc.assert(property, { numRuns: 300 });
});

test('a certificate in PEM is the same key in any wrapping (RFC 7468 §2)', () => {
  const index = fc.nat({ max: PAIRS.length - 1 });
  const property = fc.property(index, wrappings, (at, wraps) => {
    const value = wraps.reduce((text, wrap) => wrap(text), CERTIFICATES[at]?.pem ?? '');
    assert.equal(keyOf({ type: 'X509CertificateBase64', value }), expected(PAIRS[at] as KeyPair));
  });
  fc.assert(property, { numRuns: 300 });
});

/** Other forms of one key. */
const JWK_WRAPPINGS: readonly ((jwk: JsonWebKey) => Secret)[] = [
  (value) => ({ type: 'JsonWebKey', value }),
  (value) => ({ type: 'JsonWebKey', value: JSON.stringify(value) }),
  (value) => ({ type: 'JsonWebKey', value: `\uFEFF${JSON.stringify(value, undefined, 2)}` }),
  (value) => ({ type: 'JsonWebKey', value: JSON.stringify(value).replaceAll('"', "'") }),
  (value) => ({ type: 'JsonWebKeySet', value: { keys: [value] } }),
  (value) => ({ type: 'JsonWebKeySet', value: `\uFEFF${JSON.stringify({ keys: [value] })}` }),
];

/** Members that say nothing: null and the empty list (as .NET prints them). */
const SILENT = [
  'use',
  'alg',
  'kid',
  'key_ops',
  'x5t',
  'x5t#S256',
  'x5u',
  'x5c',
  'd',
  'p',
  'oth',
  'k',
];

test('a JWK is the same key with any members that are null or an empty list', () => {
  const members = fc.dictionary(fc.constantFrom(...SILENT), fc.constantFrom(null, []));
  const wrapping = fc.constantFrom(...JWK_WRAPPINGS);
  const index = fc.nat({ max: PAIRS.length - 1 });
  const property = fc.property(index, members, wrapping, (at, silent, wrap) => {
    const pair = PAIRS[at] as KeyPair;
    assert.equal(keyOf(wrap({ ...pair.publicJwk, ...silent })), expected(pair));
  });
  fc.assert(property, { numRuns: 300 });
});

const [RSA, EC] = PAIRS as [KeyPair, KeyPair];
const [rsaCertificate, ecCertificate] = CERTIFICATES as [
  (typeof CERTIFICATES)[0],
  (typeof CERTIFICATES)[0],
];

test('every key of a PEM with several keys is used', () => {
  const { keys } = importSecret({ type: 'PublicKeyPem', value: pemOf(RSA, 'pkcs1') + pemOf(EC) });
  assert.deepEqual(
    keys.map(({ keyObject }) => keyObject.asymmetricKeyType),
    ['rsa', 'ec'],
  );
});

test('from a chain in PEM the certificate of the client is used, in any order', async () => {
  const authority = await certificateAuthority();
  const { cert } = await authority.issue('client.example', '127.0.0.1');
  const own = createPublicKey(cert).export({ type: 'spki', format: 'der' }).toString('hex');
  for (const value of [cert + authority.pem, authority.pem + cert, cert + cert + authority.pem]) {
    assert.equal(keyOf({ type: 'X509CertificateBase64', value }), own);
  }
});

test('a public key and a certificate of it in one PEM are one key', () => {
  const text = pemOf(RSA) + rsaCertificate.pem;
  assert.equal(keyOf({ type: 'X509CertificateBase64', value: text }), expected(RSA));
  assert.equal(keyOf({ type: 'PublicKeyPem', value: text }), expected(RSA));
});

/** Texts that could mean two things, or that are something else. */
const REFUSED: Readonly<Record<string, readonly [Secret['type'], string, RegExp]>> = {
  'two certificates that are no chain': [
    'X509CertificateBase64',
    rsaCertificate.pem + ecCertificate.pem,
    /the PEM has 2 certificates that are not one chain: give each as a secret of its own/,
  ],
  'a certificate beside the public key of another': [
    'X509CertificateBase64',
    rsaCertificate.pem + pemOf(EC),
    /a certificate and also a public key of another key pair/,
  ],
  'a public key beside the certificate of another': [
    'PublicKeyPem',
    rsaCertificate.pem + pemOf(EC),
    /a public key and also a certificate of another key/,
  ],
  'a PEM without its last line': [
    'PublicKeyPem',
    pemOf(RSA).replace(/-----END.*\n/, ''),
    /the PEM has no line -----END PUBLIC KEY-----: it was cut off/,
  ],
  'a PEM with something else between its lines': [
    'PublicKeyPem',
    '-----BEGIN PUBLIC KEY-----\n<key>\n-----END PUBLIC KEY-----',
    /is not base64 between its lines/,
  ],
  'a PGP key': [
    'PublicKeyPem',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----',
    /the PEM is a PGP PUBLIC KEY BLOCK: use PUBLIC KEY or RSA PUBLIC KEY/,
  ],
  'base64 without its lines': [
    'PublicKeyPem',
    RSA.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    /it is base64 without -----BEGIN PUBLIC KEY-----/,
  ],
  'a private key beside the public one': [
    'PublicKeyPem',
    pemOf(EC) + EC.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    /the PEM holds a private key: publish the public half, and replace this key/,
  ],
  'a private key with escaped line ends': [
    'PublicKeyPem',
    EC.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().replaceAll('\n', '\\n'),
    /the PEM holds a private key/,
  ],
  'a private key in base64 of its PEM': [
    'X509CertificateBase64',
    Buffer.from(EC.privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64'),
    /the PEM holds a private key/,
  ],
};

for (const [name, [type, value, message]] of Object.entries(REFUSED)) {
  test(`${name} is refused, and the error says why`, () => {
    const secrets = [{ type, value } as Secret];
    assert.throws(() => assertClientSecrets({ clientId: 'client', secrets }), {
      name: 'SecretError',
      message,
    });
  });
}

test('a JWK whose x5c holds a certificate of another key is refused (RFC 7517 §4.7)', () => {
  const { raw } = new X509Certificate(ecCertificate.pem);
  const value = { ...newKeyPair('ES256').publicJwk, x5c: [raw.toString('base64')] };
  assert.throws(
    () => assertClientSecrets({ clientId: 'client', secrets: [{ type: 'JsonWebKey', value }] }),
    { name: 'SecretError', message: /the certificate in x5c has another key than the JWK/ },
  );
});
