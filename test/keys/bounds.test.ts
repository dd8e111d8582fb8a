import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import type { Secret } from '../../lib/index.js';
import { importSecret } from '../../lib/keys/import.js';
import { importJwkSet } from '../../lib/keys/jwk.js';
import { clientCertificate } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';

const RSA = keyPair('RS256');
const EC = keyPair('ES256');
const certificate = await clientCertificate(EC);

/** Base64url of so many bytes. */
const bytes = (count: number): string => Buffer.alloc(count, 0xc3).toString('base64url');

/** In milliseconds; the shortest of several runs, since others use the machine too. */
function shortest(run: () => void, rounds = 7): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

/** What a check of an RSA signature costs in the same run. */
const signature = Buffer.alloc(256, 1);
const CHECK =
  shortest(() => {
    for (let count = 0; count < 100; count += 1) {
      verify('sha256', Buffer.from('text'), RSA.publicKey, signature);
    }
  }) / 100;

function spkiWithExponent(size: number): string {
  // An RSA key in DER whose exponent has so many bytes (RFC 8017 §A.1.1).
  const tlv = (tag: number, content: Buffer): Buffer => {
    const length = Buffer.alloc(5);
    length[0] = 0x84;
    length.writeUInt32BE(content.length, 1);
    return Buffer.concat([Buffer.of(tag), length, content]);
  };
  const n = Buffer.from(String(RSA.publicJwk['n']), 'base64url');
  const numbers = [n, Buffer.alloc(size, 0x41)].map((value) =>
    tlv(2, Buffer.concat([Buffer.of(0), value])),
  );
  return tlv(0x30, Buffer.concat(numbers)).toString('base64');
}

const pem = (label: string, base64: string): Secret => ({
  type: label === 'CERTIFICATE' ? 'X509CertificateBase64' : 'PublicKeyPem',
  value: `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`,
});

const jwk = (value: object): Secret => ({ type: 'JsonWebKey', value: value as { kty: string } });

/** For each member the smallest size that is refused, and one that a request could bring. */
const HOSTILE: Readonly<Record<string, readonly [(size: number) => Secret, number, RegExp]>> = {
  'n of an RSA JWK': [
    (size) => jwk({ ...RSA.publicJwk, n: bytes(size) }),
    1028,
    /the RSA key has \d+ bits: use one of at most 8192/,
  ],
  'e of an RSA JWK': [
    (size) => jwk({ ...RSA.publicJwk, e: bytes(size) }),
    12,
    /public exponent has more than 32 bits: use 65537/,
  ],
  'x of an EC JWK': [
    (size) => jwk({ ...EC.publicJwk, x: bytes(size) }),
    84,
    /the member x has \d+ bytes: P-256 needs 32/,
  ],
  'y of an EC JWK': [
    (size) => jwk({ ...EC.publicJwk, y: bytes(size) }),
    84,
    /the member y has \d+ bytes: P-256 needs 32/,
  ],
  'x of an OKP JWK': [
    (size) => jwk({ kty: 'OKP', crv: 'Ed25519', x: bytes(size) }),
    36,
    /the member x has \d+ bytes: at most 32 are accepted/,
  ],
  'k of an oct JWK': [
    (size) => jwk({ kty: 'oct', k: bytes(size) }),
    1025,
    /the oct key has more than 1024 bytes/,
  ],
  'x5c of a JWK': [
    (size) => jwk({ ...EC.publicJwk, x5c: [Buffer.alloc(size, 0x30).toString('base64')] }),
    16_390,
    /the member x5c has a certificate of more than 16384 bytes/,
  ],
  'a shared secret': [
    (size) => ({ type: 'SharedSecret', value: 'x'.repeat(size) }),
    1025,
    /the shared secret has more than 1024 characters/,
  ],
  'a certificate in base64': [
    (size) => ({
      type: 'X509CertificateBase64',
      value: Buffer.alloc(size, 0x30).toString('base64'),
    }),
    16_385,
    /the certificate has \d+ bytes: at most 16384|more than 65536 characters/,
  ],
  'a certificate in PEM': [
    (size) => pem('CERTIFICATE', Buffer.alloc(size, 0x30).toString('base64')),
    16_385,
    /the certificate has \d+ bytes: at most 16384|more than 65536 characters/,
  ],
  'a public key in PEM': [
    (size) => pem('PUBLIC KEY', Buffer.alloc(size, 0x30).toString('base64')),
    4097,
    /the public key has \d+ bytes: at most 4096|more than 65536 characters/,
  ],
  'the exponent of a public key in PEM': [
    (size) => pem('RSA PUBLIC KEY', spkiWithExponent(size)),
    9,
    /more than 32 bits|at most 4096 are read|more than 65536 characters/,
  ],
  'JSON of a JWK': [
    (size) => ({ type: 'JsonWebKey', value: JSON.stringify({ kty: 'x'.repeat(size) }) }),
    262_144,
    /the value has more than 262144 characters of JSON/,
  ],
};

for (const [name, [secretOf, smallest, message]] of Object.entries(HOSTILE)) {
  test(`${name}: a value that is too long is refused before it costs anything (CWE-407)`, () => {
    for (const size of [smallest, Math.max(smallest, 24_000), Math.max(smallest, 72_000)]) {
      const secret = secretOf(size);
      const refuse = () => assert.throws(() => importSecret(secret), { name: 'KeyError', message });
      refuse();
      const cost = shortest(refuse);
      // Copying 100 kB costs something too, which the body parser has spent before.
      assert.ok(cost < 20 * CHECK + 2, `${size} bytes cost ${cost} ms, a signature ${CHECK} ms`);
    }
  });
}

/** The largest that is accepted may cost some signatures, since it is imported once. */
const LARGEST: Readonly<Record<string, Secret>> = {
  'an RSA JWK of 8192 bits': jwk({ kty: 'RSA', n: bytes(1024), e: bytes(4) }),
  'a certificate': { type: 'X509CertificateBase64', value: certificate.base64 },
  'an EC JWK with its certificate': jwk({ ...EC.publicJwk, x5c: [certificate.base64] }),
  'an oct JWK': jwk({ kty: 'oct', k: bytes(1024) }),
};

for (const [name, secret] of Object.entries(LARGEST)) {
  test(`${name}: the largest accepted value costs no more than a few signatures`, () => {
    importSecret(secret);
    const cost = shortest(() => importSecret(secret));
    assert.ok(cost < 50 * CHECK + 1, `${cost} ms, a signature ${CHECK} ms`);
  });
}

test('a large exponent in a set costs no more than the good keys', () => {
  const hostile = Array.from({ length: 40 }, () => ({ ...RSA.publicJwk, e: bytes(48_000) }));
  const set = { keys: [...hostile, EC.publicJwk] };
  assert.equal(importJwkSet(set, 50).keys.length, 1);
  assert.ok(shortest(() => importJwkSet(set, 50)) < 40 * CHECK + 5);
});

for (const type of ['PublicKeyPem', 'X509CertificateBase64'] as const) {
  for (const [name, part] of Object.entries({
    backslashes: '\\',
    'escaped line ends': '\\n',
    quotes: '"',
    blanks: ' ',
    'first lines': '-----BEGIN PUBLIC KEY-----',
    'unfinished first lines': '-----BEGIN ',
    'private words': '-----BEGIN A PRIVATE KEY ',
  })) {
    test(`${type}: a text of ${name} is refused in linear time (CWE-1333)`, () => {
      const value = `x${part.repeat(65_000 / part.length)}x`;
      const refuse = () => assert.throws(() => importSecret({ type, value }), { name: 'KeyError' });
      refuse();
      const cost = shortest(refuse, 3);
      assert.ok(cost < 50 * CHECK + 50, `${cost} ms, a signature ${CHECK} ms`);
    });
  }
}

test('many parts in a PEM are not read', () => {
  const one = EC.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const secret: Secret = { type: 'PublicKeyPem', value: one.repeat(300) };
  const refuse = () =>
    assert.throws(() => importSecret(secret), { message: /the PEM has more than 10 parts/ });
  refuse();
  assert.ok(shortest(refuse) < 20 * CHECK + 1);
});

test('many BEGIN lines without END lines are read once', () => {
  const secret: Secret = { type: 'PublicKeyPem', value: '-----BEGIN PUBLIC KEY-----'.repeat(2500) };
  const refuse = () => assert.throws(() => importSecret(secret), { name: 'KeyError' });
  refuse();
  assert.ok(shortest(refuse) < 20 * CHECK + 2);
});

test('OpenSSL reads the exponent of this test', () => {
  const key = Buffer.from(spkiWithExponent(9), 'base64');
  assert.equal(createPublicKey({ key, format: 'der', type: 'pkcs1' }).asymmetricKeyType, 'rsa');
});
