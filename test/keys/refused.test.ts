import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  type AssertionClient,
  type AuthenticationEvent,
  assertClientSecrets,
  type Secret,
  SecretError,
} from '../../lib/index.js';
import { isVerifiable } from '../../lib/keys/jwk.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { ALGORITHMS } from '../../lib/shared/jose.js';
import { signAssertion } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const RSA = keyPair('RS256');
const EC = keyPair('ES256');
const { privateKey: SMALL_PRIVATE, publicKey: SMALL } = generateKeyPairSync('rsa', {
  modulusLength: 1024,
});
const { publicKey: EXPONENT_OF_ONE } = weakExponent();
const { publicKey: SECP256K1 } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
const { publicKey: X25519 } = generateKeyPairSync('x25519');
const { publicKey: ED448 } = generateKeyPairSync('ed448');
const { publicKey: DSA } = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 });

/** A key whose signatures are the texts that they sign: RFC 8017 wants an exponent of at least 3. */
function weakExponent() {
  return { publicKey: { ...RSA.publicJwk, e: 'AQ' } };
}

/** An odd number of so many bits. What is looked at first is its size alone. */
function oddNumber(bits: number): string {
  const bytes = randomBytes(bits / 8);
  bytes.set([0x80 | (bytes[0] ?? 0)]);
  bytes.set([1 | (bytes.at(-1) ?? 0)], bytes.length - 1);
  return bytes.toString('base64url');
}

/** The smallest odd number of so many bits. */
function numberOf(bits: number): string {
  const hex = (2n ** BigInt(bits - 1) + 1n).toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}

const jwkOf = (key: KeyObject): JsonWebKey => key.export({ format: 'jwk' }) as JsonWebKey;
const spkiPem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const spkiDer = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const pkcs1Der = RSA.publicKey.export({ type: 'pkcs1', format: 'der' });
const pkcs8Pem = RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const pkcs1Pem = RSA.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
const encryptedPem = RSA.privateKey
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  .toString();
const certificate = await clientCertificate(RSA);
const smallCertificate = await clientCertificate({
  alg: 'RS256',
  privateKey: SMALL_PRIVATE,
  publicKey: SMALL,
  publicJwk: jwkOf(SMALL),
});

const jwk = (value: unknown): Secret => ({ type: 'JsonWebKey', value: value as JsonWebKey });
const set = (...keys: unknown[]): Secret => ({
  type: 'JsonWebKeySet',
  value: { keys: keys as JsonWebKey[] },
});
const x509 = (value: string): Secret => ({ type: 'X509CertificateBase64', value });
const pem = (value: string): Secret => ({ type: 'PublicKeyPem', value });
const shared = (value: string): Secret => ({ type: 'SharedSecret', value });

const REFUSED: readonly (readonly [name: string, secret: unknown, reason: RegExp])[] = [
  ['an RSA key of 1024 bits', jwk(jwkOf(SMALL)), /the RSA key has 1024 bits: .* at least 2048/],
  ['an RSA key of 1024 bits in PEM', pem(spkiPem(SMALL)), /the RSA key has 1024 bits/],
  ['a certificate for 1024 bits', x509(smallCertificate.base64), /the RSA key has 1024 bits/],
  ['an RSA exponent of 1', jwk(EXPONENT_OF_ONE), /public exponent is 1: it must be odd and > 1/],
  [
    'an RSA key of 16384 bits, which is expensive to verify',
    jwk({ kty: 'RSA', n: oddNumber(16_384), e: 'AQAB' }),
    /the RSA key has 16384 bits: use one of at most 8192/,
  ],
  [
    'an RSA exponent of 40 bits, which is expensive to verify',
    jwk({ ...RSA.publicJwk, e: oddNumber(40) }),
    /public exponent has more than 32 bits: use 65537/,
  ],
  [
    'an RSA exponent of 33 bits',
    jwk({ ...RSA.publicJwk, e: 'AQAAAAA' }),
    /public exponent has more than 32 bits: use 65537/,
  ],
  [
    'an RSA exponent of zero',
    jwk({ ...RSA.publicJwk, e: 'AA' }),
    /public exponent is 0: it must be odd and > 1/,
  ],
  [
    'an RSA modulus of zero',
    jwk({ ...RSA.publicJwk, n: 'AAAA' }),
    /RSA key has 0 bits: use one of/,
  ],
  ['an RSA key of 2047 bits', jwk({ kty: 'RSA', n: numberOf(2047), e: 'AQAB' }), /has 2047 bits/],
  ['an RSA key of 8193 bits', jwk({ kty: 'RSA', n: numberOf(8193), e: 'AQAB' }), /has 8193 bits/],
  ['an RSA key of 8800 bits', jwk({ kty: 'RSA', n: numberOf(8800), e: 'AQAB' }), /has 8800 bits/],
  ['an even RSA exponent', jwk({ ...RSA.publicJwk, e: 'AQAA' }), /public exponent is 65536/],
  ['a shared secret of 31 bytes', shared('x'.repeat(31)), /has 31 bytes: HS256 needs at least 32/],
  ['an oct key of 16 bytes', jwk({ kty: 'oct', k: 'A'.repeat(22) }), /has 16 bytes: HS256 needs/],
  [
    'an oct key too short for its alg',
    jwk({ kty: 'oct', k: 'A'.repeat(43), alg: 'HS512' }),
    /alg "HS512" does not fit its key: use HS256/,
  ],
  [
    'an oct key of 1025 bytes',
    jwk({ kty: 'oct', k: 'A'.repeat(1367) }),
    /the oct key has more than 1024 bytes/,
  ],
  [
    'a shared secret of 1025 characters',
    shared('x'.repeat(1025)),
    /the shared secret has more than 1024 characters/,
  ],
  [
    'a PEM after 1024 characters of a shared secret',
    shared(`${'x'.repeat(1024)}\n${spkiPem(RSA.publicKey)}`),
    /the shared secret has more than 1024 characters/,
  ],
  ['an oct key without k', jwk({ kty: 'oct' }), /the oct key has no base64url member k/],
  ['an oct key in base64', jwk({ kty: 'oct', k: '+'.repeat(44) }), /no base64url member k/],
  [
    'a blank before an oct key',
    jwk({ kty: 'oct', k: ` ${'A'.repeat(43)}` }),
    /no base64url member/,
  ],
  [
    'an oct key with padding',
    jwk({ kty: 'oct', k: `${'A'.repeat(43)}=` }),
    /no base64url member k/,
  ],
  ['an empty shared secret', shared(''), /its value is not a non-empty string/],
  ['a private RSA JWK', jwk(jwkOf(RSA.privateKey)), /holds a private key \(member d\)/],
  ['a private EC JWK', jwk(jwkOf(EC.privateKey)), /holds a private key \(member d\)/],
  [
    'a private OKP JWK as JSON',
    jwk(JSON.stringify(jwkOf(keyPair('EdDSA').privateKey))),
    /private key \(member d\): publish the public half, and replace this key/,
  ],
  ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'].map(
    (member) =>
      [
        `the member ${member} of private keys beside a public one`,
        jwk({ ...RSA.publicJwk, [member]: 'AQ' }),
        new RegExp(`the JWK holds a private key \\(member ${member}\\)`),
      ] as const,
  ),
  ['a private PKCS#8 PEM as public key', pem(pkcs8Pem), /the PEM holds a private key/],
  ['a private PKCS#1 PEM as public key', pem(pkcs1Pem), /the PEM holds a private key/],
  ['an encrypted private PEM as public key', pem(encryptedPem), /the PEM holds a private key/],
  ['a private PEM as certificate', x509(pkcs8Pem), /the PEM holds a private key/],
  [
    'a private PEM on one line as certificate',
    x509(pkcs8Pem.replaceAll('\n', '')),
    /the PEM holds a private key/,
  ],
  [
    'a certificate with its private key',
    x509(certificate.pem + pkcs8Pem),
    /the PEM holds a private key/,
  ],
  ['a private PEM as shared secret', shared(pkcs8Pem), /the shared secret is a PEM/],
  ['a public PEM as shared secret', shared(spkiPem(RSA.publicKey)), /the shared secret is a PEM/],
  ['a certificate as shared secret', shared(certificate.pem), /the shared secret is a PEM/],
  [
    'a PEM with attributes as shared secret',
    shared(`Bag Attributes: x\n${spkiPem(RSA.publicKey)}`),
    /the shared secret is a PEM/,
  ],
  [
    'a PEM in quotes and in one line as shared secret',
    shared(JSON.stringify(spkiPem(RSA.publicKey))),
    /the shared secret is a PEM/,
  ],
  [
    'a PEM after a byte order mark as shared secret',
    shared(`\ufeff${spkiPem(RSA.publicKey)}`),
    /the shared secret is a PEM/,
  ],
  [
    'a public key in base64 as shared secret',
    shared(spkiDer(RSA.publicKey).toString('base64')),
    /the shared secret is a public key or a certificate/,
  ],
  [
    'a public PEM as oct key',
    jwk({ kty: 'oct', k: Buffer.from(spkiPem(RSA.publicKey)).toString('base64url') }),
    /the oct key is a PEM/,
  ],
  [
    'a public key in DER as oct key',
    jwk({ kty: 'oct', k: spkiDer(EC.publicKey).toString('base64url') }),
    /the oct key is a public key or a certificate/,
  ],
  [
    'a PKCS#1 key in DER as oct key',
    jwk({ kty: 'oct', k: pkcs1Der.toString('base64url') }),
    /the oct key is a public key or a certificate/,
  ],
  [
    'a certificate in DER as oct key',
    jwk({ kty: 'oct', k: Buffer.from(certificate.base64, 'base64').toString('base64url') }),
    /the oct key is a public key or a certificate/,
  ],
  ['a PEM after blanks as shared secret', shared(`\n  ${pkcs8Pem}`), /the shared secret is a PEM/],
  ['a JWK as shared secret', shared(JSON.stringify(RSA.publicJwk)), /the shared secret is a JWK/],
  [
    'a JWK in lines as shared secret',
    shared(`\n  ${JSON.stringify({ kid: 'one', ...RSA.publicJwk }, undefined, 2)}`),
    /the shared secret is a JWK: use JsonWebKey/,
  ],
  [
    'a JWK in single quotes as shared secret',
    shared(`{'kty':'oct','k':'${'A'.repeat(43)}'}`),
    /the shared secret is a JWK: use JsonWebKey/,
  ],
  ['a JWK with use enc', jwk({ ...RSA.publicJwk, use: 'enc' }), /the JWK is not for signatures/],
  [
    'a JWK with key_ops for encryption',
    jwk({ ...RSA.publicJwk, key_ops: ['encrypt', 'wrapKey'] }),
    /the JWK is not for signatures/,
  ],
  [
    'a key on secp256k1',
    jwk(jwkOf(SECP256K1)),
    /the curve "secp256k1" is not supported: use P-256/,
  ],
  ['a key on secp256k1 in PEM', pem(spkiPem(SECP256K1)), /the curve secp256k1 is not supported/],
  [
    'an unknown curve',
    jwk({ ...EC.publicJwk, crv: 'P-999' }),
    /the curve "P-999" is not supported/,
  ],
  [
    'a curve with a long name',
    jwk({ ...EC.publicJwk, crv: 'a curve '.repeat(10) }),
    new RegExp(`the curve "${'a curve '.repeat(5)}" is not supported`),
  ],
  [
    'a curve that is no text',
    jwk({ ...EC.publicJwk, crv: 256 }),
    /the curve "256" is not supported/,
  ],
  [
    'a curve that is an object',
    jwk({ ...EC.publicJwk, crv: { toString: 1 } }),
    /the curve "\[object\]" is not supported/,
  ],
  [
    'an alg that is an object',
    jwk({ ...EC.publicJwk, alg: { toString: 1 } }),
    /the JWK's alg "\[object\]" does not fit/,
  ],
  [
    'a point that is not on its curve',
    jwk({ ...EC.publicJwk, y: EC.publicJwk['x'] }),
    /not on its curve P-256/,
  ],
  [
    'another key for key agreement',
    jwk({ kty: 'OKP', crv: 'X448', x: 'A'.repeat(75) }),
    /its curve X448 is for key agreement/,
  ],
  [
    'an Ed25519 key of 31 bytes',
    jwk({ kty: 'OKP', crv: 'Ed25519', x: 'C'.repeat(42) }),
    /the member x has 31 bytes: Ed25519 needs 32/,
  ],
  [
    'an Ed25519 key of 33 bytes',
    jwk({ kty: 'OKP', crv: 'Ed25519', x: 'C'.repeat(44) }),
    /the member x has 33 bytes: Ed25519 needs 32/,
  ],
  [
    'an Ed25519 key of 48 bytes',
    jwk({ kty: 'OKP', crv: 'Ed25519', x: 'C'.repeat(64) }),
    /the member x has 48 bytes: at most 32 are accepted/,
  ],
  [
    'an Ed25519 key of 35 bytes',
    jwk({ kty: 'OKP', crv: 'Ed25519', x: 'C'.repeat(47) }),
    /the member x has 35 bytes: Ed25519 needs 32/,
  ],
  [
    'an EC key on a curve for key agreement',
    jwk({ ...EC.publicJwk, crv: 'X25519' }),
    /the curve "X25519" is not supported: use P-256, P-384 or P-521/,
  ],
  [
    'a JWK with key_ops that are not all texts',
    jwk({ ...EC.publicJwk, key_ops: [5, 'sign'] }),
    /not for signatures: its key_ops "sign" lack "verify"/,
  ],
  ['a coordinate of 6 bits', jwk({ ...EC.publicJwk, y: 'A' }), /member y of the JWK is empty/],
  [
    'a blank before a coordinate',
    jwk({ ...EC.publicJwk, y: ` ${EC.publicJwk['y']}` }),
    /the member y of the JWK is not base64url/,
  ],
  [
    'a coordinate with too much padding',
    jwk({ ...EC.publicJwk, y: `${EC.publicJwk['y']}===` }),
    /the member y of the JWK is not base64url/,
  ],
  [
    'a key of ML-DSA without alg',
    jwk({ kty: 'AKP', pub: 'AA' }),
    /the AKP key has the alg "undefined": use ML-DSA-44, ML-DSA-65, ML-DSA-87/,
  ],
  ...[
    'RSA1_5',
    'RSA-OAEP-256',
    'ECDH-ES',
    'A128KW',
    'A256GCMKW',
    'dir',
    'PBES2-HS256+A128KW',
    'HPKE-0',
  ].map(
    (alg) =>
      [
        `the alg ${alg} of encryption (RFC 7518 §4.1)`,
        jwk({ ...RSA.publicJwk, alg }),
        new RegExp(`the JWK is not for signatures: its alg is "${alg.replace('+', '\\+')}"`),
      ] as const,
  ),
  ...['MY-RSA1_5', 'A1', 'ABCD', 'directory'].map(
    (alg) =>
      [
        `the alg ${alg} that nobody knows`,
        jwk({ ...RSA.publicJwk, alg }),
        new RegExp(`the JWK's alg "${alg}" does not fit its key: use RS256`),
      ] as const,
  ),
  [
    'a JWK whose x5c has a certificate of another type of key',
    jwk({ ...EC.publicJwk, x5c: [certificate.base64] }),
    /the certificate in x5c has another key than the JWK \(RFC 7517 §4.7\)/,
  ],
  ['a JWK whose kty is a number', jwk({ ...EC.publicJwk, kty: 5 }), /the JWK has no kty/],
  [
    'a JWK whose kty is the name of a method of every object',
    jwk({ ...EC.publicJwk, kty: 'constructor' }),
    /the JWK has the kty "constructor": use RSA, EC, OKP, AKP or oct/,
  ],
  ['a key for key agreement', jwk(jwkOf(X25519)), /its curve X25519 is for key agreement/],
  ['an Ed448 key', jwk(jwkOf(ED448)), /the curve "Ed448" is not supported: use Ed25519/],
  ['an Ed448 key in PEM', pem(spkiPem(ED448)), /keys of type ed448 are not supported: use RSA/],
  ['a DSA key in PEM', pem(spkiPem(DSA)), /keys of type dsa are not supported/],
  [
    'the alg none',
    jwk({ ...RSA.publicJwk, alg: 'none' }),
    /alg "none" does not fit its key: use RS256, RS384, RS512, PS256, PS384, PS512/,
  ],
  [
    'an alg of encryption',
    jwk({ ...RSA.publicJwk, alg: 'RSA-OAEP' }),
    /not for signatures: its alg is "RSA-OAEP"/,
  ],
  ['an alg of another key', jwk({ ...EC.publicJwk, alg: 'ES384' }), /alg "ES384" does not fit/],
  ['an alg of another type', jwk({ ...RSA.publicJwk, alg: 'HS256' }), /alg "HS256" does not fit/],
  ['a JWK without kty', jwk({ n: 'x', e: 'AQAB' }), /the JWK has no kty/],
  ['a JWK of an unknown type', jwk({ kty: 'LATTICE', pub: 'AA' }), /the JWK has the kty "LATTICE"/],
  [
    'an RSA JWK without a modulus',
    jwk({ kty: 'RSA', e: 'AQAB' }),
    /the JWK of type "RSA" has no member n/,
  ],
  ['a JWK that is an array', jwk([RSA.publicJwk]), /the value is not a JSON Web Key object/],
  ['a JWK that is null', jwk(null), /the value is not a JSON Web Key object/],
  ['a JWK that is undefined', jwk(undefined), /the value is not a JSON Web Key object/],
  ['a JWK that is a number as JSON', jwk('5'), /the value is not a JSON Web Key object/],
  ['a JWK that is no JSON', jwk('{"kty":'), /the value is not JSON/],
  ['single quotes within double quotes', jwk(`{'kty':"RSA"}`), /the value is not JSON/],
  ['single quotes in an array', jwk(`[{'kty':'RSA'}]`), /the value is not JSON/],
  ['single quotes that do not match', jwk(`{'kty':'RSA`), /the value is not JSON/],
  ['a JWK that holds itself', jwk(circular()), /its value is not JSON|not a valid public key/],
  ['a JWK Set without keys', { type: 'JsonWebKeySet', value: {} }, /it has no array keys/],
  ['a JWK in place of a set', { type: 'JsonWebKeySet', value: RSA.publicJwk }, /no array keys/],
  ['a JWK Set that is null', { type: 'JsonWebKeySet', value: null }, /not a JWK Set/],
  ['an empty JWK Set', set(), /the JWK Set has no key for signatures\.?$/],
  ['a JWK Set for encryption', set({ ...RSA.publicJwk, use: 'enc' }), /no key for signatures/],
  [
    'a JWK Set with a private key',
    set(EC.publicJwk, { ...jwkOf(RSA.privateKey), kid: 'own' }),
    /in the JWK Set, key "own": the JWK holds a private key/,
  ],
  [
    'a JWK Set with a weak key',
    set(jwkOf(SMALL)),
    /in the JWK Set, key without a kid: the RSA key has 1024 bits/,
  ],
  ['a JWK Set with a text', set('text'), /the JWK Set has no key for signatures/],
  [
    'a public key in PEM as certificate',
    x509(spkiPem(RSA.publicKey)),
    /not a CERTIFICATE but a PUB/,
  ],
  ['a request for a certificate', x509(pemOf('CERTIFICATE REQUEST')), /but a CERTIFICATE REQUEST/],
  ['a certificate that is no base64', x509('not base64!'), /the certificate is not base64/],
  ['a stray letter before the base64', x509(`!${certificate.base64}`), /certificate is not base64/],
  ['a stray letter after the base64', x509(`${certificate.base64}!`), /certificate is not base64/],
  [
    'base64 of something else',
    x509('aGVsbG8='),
    /is not an X.509 certificate in base64 DER or PEM/,
  ],
  ['a PEM of something else', x509(pemOf('CERTIFICATE')), /is not an X.509 certificate/],
  ['a cut certificate', x509(certificate.base64.slice(0, 400)), /is not an X.509 certificate/],
  [
    'a certificate for a key of an unknown type',
    x509(withUnknownKey(certificate.der).toString('base64')),
    /the key of the certificate cannot be read/,
  ],
  [
    'a certificate that is valid from a 13th month on',
    x509(withMonth13(certificate.der).toString('base64')),
    /the validity period of the certificate is unreadable/,
  ],
  ['a text too long for a PEM', pem('x'.repeat(65_537)), /has more than 65536 characters/],
  ['a text that is just long enough', pem('x'.repeat(65_536)), /is not a public key in PEM: it is/],
  [
    'a public key of 4097 bytes',
    pem(pemOf('PUBLIC KEY', 4097)),
    /has 4097 bytes: at most 4096 are/,
  ],
  ['4096 bytes of no public key', pem(pemOf('PUBLIC KEY', 4096)), /not hold a public key that can/],
  [
    'a certificate of 16385 bytes',
    x509(pemOf('CERTIFICATE', 16_385)),
    /the certificate has 16385 bytes: at most 16384 are read/,
  ],
  ['16384 bytes of no certificate', x509(pemOf('CERTIFICATE', 16_384)), /is not an X.509 cert/],
  ['quotes that do not match', x509(`"${certificate.base64}'`), /the certificate is not base64/],
  [
    'a PEM of eleven parts',
    pem(spkiPem(EC.publicKey).repeat(11)),
    /the PEM has more than 10 parts: use several secrets/,
  ],
  [
    'a PEM of two other parts',
    pem(pemOf('CERTIFICATE REQUEST') + pemOf('DH PARAMETERS')),
    /the PEM is a CERTIFICATE REQUEST, DH PARAMETERS: use PUBLIC KEY or RSA PUBLIC KEY/,
  ],
  ['a certificate as public key', pem(certificate.pem), /use the type X509CertificateBase64/],
  ['base64 as public key', pem(certificate.base64), /the value is not a public key in PEM/],
  ['a PEM without a key', pem(pemOf('PUBLIC KEY')), /does not hold a public key that can be read/],
  ['a value that is a number', { type: 'SharedSecret', value: 5 }, /its value is not a non-empty/],
  ['no value', { type: 'X509CertificateBase64' }, /its value is not a non-empty string/],
  [
    'an unknown type',
    { type: 'Password', value: 'x' },
    /its type "Password" is not known: choose from X509CertificateBase64, JsonWebKey, JsonWebKeySet, JwksUri, PublicKeyPem, SharedSecret, FederatedIdentity/,
  ],
  ['a type in lower case', { type: 'jsonwebkey', value: '{}' }, /its type "jsonwebkey" is not/],
  [
    'a type that is an object',
    { type: { toString: 1 }, value: 'x' },
    /its type "\[object\]" is not/,
  ],
  ['no type', { value: 'x' }, /its type "undefined" is not known/],
  ['null', null, /it is not an object/],
  ['a text', 'secret', /it is not an object/],
  [
    'an expiration that is no date',
    { ...shared('x'.repeat(32)), expiration: 'soon' },
    /not a date/,
  ],
  [
    'an empty expiration',
    { ...shared('x'.repeat(32)), expiration: '' },
    /is not a date: use a Date/,
  ],
  ['an invalid Date', { ...shared('x'.repeat(32)), expiration: new Date('x') }, /is not a date/],
  [
    'an expiration in milliseconds',
    { ...shared('x'.repeat(32)), expiration: Date.now() },
    /its expiration is in milliseconds/,
  ],
  ...['expires', 'expires_at', 'expiry', 'Expiration', 'exp'].map(
    (name) =>
      [
        `an expiration that is called ${name}`,
        { ...shared('x'.repeat(32)), [name]: '2027-01-01' },
        new RegExp(`its member "${name}" is not known: use expiration`),
      ] as const,
  ),
  [
    'an expiration that is a BigInt',
    { ...shared('x'.repeat(32)), expiration: 1_893_456_000n },
    /its expiration is not a date/,
  ],
  [
    'an expiration that is no primitive, as those of Temporal',
    {
      ...shared('x'.repeat(32)),
      expiration: {
        valueOf() {
          throw new TypeError('Do not use valueOf');
        },
      },
    },
    /its expiration is not a date/,
  ],
  ['an endless expiration', { ...shared('x'.repeat(32)), expiration: Infinity }, /is not a date/],
];

function pemOf(label: string, bytes = 5): string {
  const base64 = Buffer.alloc(bytes, 0x30).toString('base64');
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

/** The same certificate with another name for the type of its key. */
function withUnknownKey(der: Buffer): Buffer {
  const changed = Buffer.from(der);
  const rsaEncryption = Buffer.from('06092a864886f70d010101', 'hex');
  changed[changed.indexOf(rsaEncryption) + rsaEncryption.length - 1] = 0x7f;
  return changed;
}

/** The same certificate, whose notBefore is no date (RFC 5280 §4.1.2.5.1). */
function withMonth13(der: Buffer): Buffer {
  const changed = Buffer.from(der);
  const validity = Buffer.from('301e170d', 'hex');
  changed.write('13', changed.indexOf(validity) + validity.length + 'YY'.length, 'latin1');
  return changed;
}

function circular(): object {
  const value: Record<string, unknown> = { kty: 'RSA' };
  value['self'] = value;
  return value;
}

/** What no message may show: any piece of 20 letters of the value that is not a name. */
function assertShowsNothingOf(secret: unknown, message: string): void {
  const value = (secret as { value?: unknown } | null)?.value;
  const text = typeof value === 'string' ? value : inspectable(value);
  for (const piece of text.match(/[\w+/-]{20}/g) ?? []) {
    assert.ok(!message.includes(piece), `${message} shows ${piece}`);
  }
}

function inspectable(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

const GOOD: Secret = { type: 'JsonWebKey', value: EC.publicJwk };

for (const [name, secret, reason] of REFUSED) {
  const client = (...secrets: unknown[]): AssertionClient => ({
    clientId: 'client',
    secrets: secrets as Secret[],
  });

  test(`${name} is refused when it is configured, by client, secret and reason`, () => {
    assert.throws(
      () => assertClientSecrets(client(GOOD, secret)),
      (error: Error) => {
        assert.ok(error instanceof SecretError);
        assert.equal(error.clientId, 'client');
        assert.equal(error.code, 'secret_refused');
        assert.match(error.message, /^Client "client", secret 2 of 2 \(\w+\): .*\.$/);
        assert.match(error.message, reason);
        assertShowsNothingOf(secret, error.message);
        return true;
      },
    );
  });

  // What is not even an object is the lookup's failure.
  if (secret === null) continue;

  test(`${name} is skipped when the client authenticates, with a warning`, async () => {
    const events: AuthenticationEvent[] = [];
    const onAuthentication = (event: AuthenticationEvent) => events.push(event);
    const alone = validatorOf([client(secret)], { onAuthentication });
    assert.equal(await outcome(alone, await signAssertion()), 'secret_refused');
    const withGood = validatorOf([client(secret, GOOD)], { onAuthentication });
    assert.equal(await outcome(withGood, await signAssertion()), undefined);
    for (const { warnings } of events) {
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ['secret_refused'],
      );
      assert.match(warnings[0]?.message ?? '', reason);
      assertShowsNothingOf(secret, JSON.stringify(warnings));
    }
  });
}

test('a description names the secret in errors', () => {
  const secrets = [{ ...shared('short'), description: 'of the old\nconsole' }];
  assert.throws(() => assertClientSecrets({ clientId: 'a\n"b"', secrets }), {
    name: 'SecretError',
    message:
      /^Client "a\\n\\"b\\"", secret 1 of 1 \(SharedSecret, "of the old\ufffdconsole"\): the/,
  });
});

for (const description of [5n, { toString: 1 }, [], Symbol('x')]) {
  test(`a description of type ${typeof description} is left out of errors`, () => {
    const secrets = [{ ...shared('short'), description: description as unknown as string }];
    assert.throws(() => assertClientSecrets({ clientId: 'client', secrets }), {
      name: 'SecretError',
      message: /^Client "client", secret 1 of 1 \(SharedSecret\): the/,
    });
  });
}

const choice = ALGORITHMS.filter(isVerifiable).join(', ');

for (const name of ['tokenEndpointAuthSigningAlg', 'requestObjectSigningAlg']) {
  for (const alg of ['none', 'RS265', 'es256', '']) {
    test(`the ${name} ${JSON.stringify(alg)} is refused when it is configured`, () => {
      const client = { clientId: 'client', secrets: [GOOD], [name]: alg };
      assert.throws(() => assertClientSecrets(client), {
        name: 'SecretError',
        message: `Client "client": its ${name} ${JSON.stringify(alg)} is not known: choose from ${choice}.`,
      });
    });
  }
}

test('the largest secrets and PEMs pass, and an x5c that is no certificate is passed over', () => {
  const x5c = (size: number) => jwk({ ...EC.publicJwk, x5c: ['A'.repeat(size)] });
  for (const secret of [
    shared('x'.repeat(1024)),
    jwk({ kty: 'oct', k: 'A'.repeat(1366) }),
    pem(spkiPem(EC.publicKey).repeat(10)),
    pem(spkiPem(EC.publicKey).padEnd(65_536)),
    x5c(21_848),
  ]) {
    assertClientSecrets({ clientId: 'client', secrets: [secret] });
  }
  assert.throws(() => assertClientSecrets({ clientId: 'client', secrets: [x5c(21_852)] }), {
    message: /the member x5c has a certificate of more than 16384 bytes/,
  });
});

test('an RSA key of 8192 bits and exponents from 3 to 32 bits pass', () => {
  for (const value of [
    { kty: 'RSA', n: oddNumber(8192), e: 'AQAB' },
    { ...RSA.publicJwk, e: 'Aw' },
    { ...RSA.publicJwk, e: oddNumber(32) },
  ]) {
    assertClientSecrets({ clientId: 'client', secrets: [{ type: 'JsonWebKey', value }] });
  }
});

for (const [alg, bytes] of [
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
] as const) {
  test(`a shared secret works for ${alg} from ${bytes} bytes on (RFC 7518 §3.2)`, () => {
    const configure = (size: number) => {
      const value = { kty: 'oct', k: Buffer.alloc(size, 1).toString('base64url'), alg };
      assertClientSecrets({ clientId: 'client', secrets: [{ type: 'JsonWebKey', value }] });
    };
    configure(bytes);
    assert.throws(() => configure(bytes - 1), { name: 'SecretError' });
  });
}

test('valid secrets pass', () => {
  for (const tokenEndpointAuthSigningAlg of [undefined, 'ES256']) {
    assertClientSecrets({ clientId: 'client', secrets: [GOOD], tokenEndpointAuthSigningAlg });
  }
  assertClientSecrets({ clientId: 'client', secrets: [] });
});

const JWKS = { keys: [RSA.publicJwk] };
const NO_CLIENTS: readonly (readonly [string, object])[] = [
  ['RFC 7591 metadata', { client_id: 'client', jwks: JWKS }],
  ['metadata with a jwks_uri', { client_id: 'client', jwks_uri: 'https://client.example/jwks' }],
  ['a client whose keys stand where metadata has them', { clientId: 'client', jwks: JWKS }],
  ['the same with null secrets', { clientId: 'client', secrets: null, jwks: JWKS }],
  ['a client without an id', { secrets: [GOOD] }],
  ['a client whose id is a number', { clientId: 5, secrets: [GOOD] }],
];

for (const [what, value] of NO_CLIENTS) {
  test(`the keys of ${what} are not passed over in silence`, () => {
    assert.throws(() => assertClientSecrets(value as AssertionClient), {
      name: 'TypeError',
      message: /clientFromMetadata makes a client from RFC 7591 metadata/,
    });
  });
}

test('keys beside those of metadata are enough, and secrets that are no list are not', () => {
  const client = { clientId: 'client', secrets: [GOOD], jwks: JWKS };
  assertClientSecrets(client);
  for (const secrets of [GOOD, 'text', {}]) {
    assert.throws(() => assertClientSecrets({ ...client, secrets } as never), {
      name: 'TypeError',
      message: 'secrets must be an array; clientFromMetadata makes it from RFC 7591 metadata',
    });
  }
});

test('a client that has only a client_secret has no secrets to check', () => {
  const client: Partial<AssertionClient> = { clientId: 'client', clientSecretAllowed: true };
  assertClientSecrets(client as AssertionClient);
});
