import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  mistakeInCertificate,
  mistakeInDer,
  mistakeInObject,
  mistakeInText,
} from '../../../lib/client/keys/key-mistakes.js';
import { clientCertificate } from '../../support/certificate.js';
import { keyPair } from '../../support/keys.js';

// What was given instead of a private key, and what is said about it.

const PUTTYGEN =
  'the key is in the format of PuTTY: convert it with puttygen key.ppk -O private-openssh, then ssh-keygen -p -m PKCS8';
const EMPTY = 'the key is empty: is its environment variable set, and its file written?';
const PGP = 'the key is an OpenPGP key, which cannot sign JWTs: make one with openssl genpkey';
const SSH = 'the key is a public key of OpenSSH: give the private key, in PKCS#8';
const OPENSSH = 'the key is in the format of OpenSSH: convert it with ssh-keygen -p -m PKCS8';
const CUT_OFF = 'the PEM has no END line: did a shell or a limit of the vault cut the text off?';
const UNREADABLE = 'the PEM does not hold a private key that can be read';
const PKCS7 =
  'the PEM is PKCS#7, which holds certificates and no private key: give the private key';
const REQUEST = 'the PEM is a certificate request: give the private key that it was made with';
const CERTIFICATE = 'the PEM is a certificate: give its private key as key and this as certificate';
const PARAMETERS =
  'the PEM has only parameters and no key: run openssl ecparam with -genkey, and give the part EC PRIVATE KEY';
const PUBLIC = 'the key is a public key: give the private key that belongs to it';
const OTHER = 'the PEM holds no private key';
const JWT = 'the key is a JWT: give the private key that signs it';
const FILE = 'the key is the name of a file: give the content of the file';

const pem = (label: string) => `a note\n-----BEGIN ${label}-----\nAA\n-----END ${label}-----\n`;

const TEXTS: readonly (readonly [string, string | undefined])[] = [
  ['', EMPTY],
  [' \n\t', EMPTY],
  ['PuTTY-User-Key-File-3: ssh-ed25519', PUTTYGEN],
  ['ssh-ed25519 AAAAC3 alice', SSH],
  ['ssh-rsa AAAAB3', SSH],
  ['ecdsa-sha2-nistp256 AAAAE2', SSH],
  ['sk-ssh-ed25519@openssh.com AAAAG', SSH],
  ['an ssh-rsa AAAAB3', undefined],
  ['ssh-rsa BBBB', undefined],
  [pem('PGP PRIVATE KEY BLOCK'), PGP],
  [pem('OPENSSH PRIVATE KEY'), OPENSSH],
  [pem('SSH2 PUBLIC KEY'), OPENSSH],
  [
    pem('DSA PRIVATE KEY'),
    'the key is a DSA key, which cannot sign JWTs: make an RSA, EC or Ed25519 key',
  ],
  ['-----BEGIN PRIVATE KEY-----\nAA', CUT_OFF],
  ['-----BEGIN RSA PRIVATE KEY-----AA', CUT_OFF],
  ['-----BEGIN X9 PRIVATE KEY-----AA', CUT_OFF],
  [pem('PRIVATE KEY'), UNREADABLE],
  [pem('RSA PRIVATE KEY'), UNREADABLE],
  ['----- PRIVATE KEY-----', UNREADABLE],
  [pem('PKCS7'), PKCS7],
  [pem('PKCS #7 SIGNED DATA'), PKCS7],
  [pem('CMS'), PKCS7],
  [pem('CERTIFICATE REQUEST'), REQUEST],
  [pem('NEW CERTIFICATE REQUEST'), REQUEST],
  [pem('CERTIFICATE'), CERTIFICATE],
  [pem('X509 CERTIFICATE'), CERTIFICATE],
  [pem('TRUSTED CERTIFICATE'), CERTIFICATE],
  [pem('EC PARAMETERS'), PARAMETERS],
  [pem('DH PARAMETERS'), PARAMETERS],
  [pem('X9.42 DH PARAMETERS'), PARAMETERS],
  [pem('X509 CRL'), 'the PEM is a list of revoked certificates: give the private key'],
  [pem('PUBLIC KEY'), PUBLIC],
  [pem('RSA PUBLIC KEY'), PUBLIC],
  [pem('ED25519 PUBLIC KEY'), PUBLIC],
  [pem('ATTRIBUTE CERTIFICATE'), OTHER],
  ['eyJhb.eyJpc.c2lnbg', JWT],
  ['eyJ-_.eyJ-_.c2l-_', JWT],
  ['eyJh.eyJpc.c2lnbg', undefined],
  ['eyJhb.eyJp.c2lnbg', undefined],
  ['eyJhb.eyJpc.c2ln', undefined],
  ['eyJhb.eyJpc.c2lnb.x', undefined],
  ['a eyJhb.eyJpc.c2lnbg', undefined],
  ['eyJhb.eyJpc.c2lnbg a', undefined],
  ['file:///keys/client', FILE],
  ['/etc/keys/client', FILE],
  ['./client', FILE],
  ['../client', FILE],
  ['~/client', FILE],
  ['C:\\keys\\client', FILE],
  ['c:\\client', FILE],
  ...['pem', 'key', 'jwk', 'json', 'p8'].map((end) => [`my-key_1.v2.${end}`, FILE] as const),
  ['/', FILE],
  ['/a b', undefined],
  ['.../client', undefined],
  ['a /client', undefined],
  ['my key.pem', undefined],
  ['key.pem, too', undefined],
  ['.pem', undefined],
  ['key.txt', undefined],
  ['1:\\client', undefined],
  ['hello', undefined],
];

for (const [text, sentence] of TEXTS) {
  test(`${JSON.stringify(text)} as a key: ${sentence ?? 'no known mistake'}`, () => {
    assert.equal(mistakeInText(text), sentence);
  });
}

const CERTIFICATES: readonly (readonly [string, string | undefined])[] = [
  ['', 'the certificate is empty: is its file written?'],
  [' \n', 'the certificate is empty: is its file written?'],
  ['a b', undefined],
  ['-----BEGIN CERTIFICATE-----\nAA', 'the certificate has no END line: was the text cut off?'],
  [pem('CERTIFICATE'), undefined],
  ...['PKCS7', 'PKCS #7 SIGNED DATA', 'CMS'].map(
    (label) =>
      [
        pem(label),
        'the certificate is in PKCS#7: convert it with openssl pkcs7 -print_certs -in certificate.p7b',
      ] as const,
  ),
  ...['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'].map(
    (label) =>
      [
        pem(label),
        'the PEM is a certificate request: give the certificate that was issued for it',
      ] as const,
  ),
  ...['PRIVATE KEY', 'RSA PRIVATE KEY'].map(
    (label) => [pem(label), 'the certificate is a private key: give it as key'] as const,
  ),
  [pem('PUBLIC KEY'), undefined],
];

for (const [text, sentence] of CERTIFICATES) {
  test(`${JSON.stringify(text)} as a certificate: ${sentence ?? 'no known mistake'}`, () => {
    assert.equal(mistakeInCertificate(text), sentence);
  });
}

const OBJECTS: readonly (readonly [object, string | undefined])[] = [
  [() => 'key', 'the key is a function: give what it returns'],
  [Promise.resolve('key'), 'the key is a Promise: await it'],
  [[{}], 'the key is a list: use a KeyRing'],
  [{ privateKey: {}, publicKey: {} }, 'the key is a key pair: give its privateKey'],
  [new URL('file:///key.pem'), 'the key is a URL: give the content of the file'],
  [new ArrayBuffer(1), 'the key is an ArrayBuffer: use new Uint8Array(key)'],
  [
    { createClientToken() {} },
    'the key is an AssertionService: give the key that it was made from',
  ],
  [{ signJwt() {} }, 'the key is a KeyRing or SigningKey: give it by itself, without options'],
  [{ keys: [] }, 'the key is a JWK Set: give one of its keys'],
  [{ keys: 'a' }, undefined],
  [{ kty: 'RSA' }, undefined],
];

for (const [value, sentence] of OBJECTS) {
  test(`an object: ${sentence ?? `no known mistake: ${JSON.stringify(value)}`}`, () => {
    assert.equal(mistakeInObject(value), sentence);
  });
}

test('each kind of DER that is not a private key gets its own message', async () => {
  const { publicKey } = keyPair('ES256');
  assert.equal(mistakeInDer(publicKey.export({ format: 'der', type: 'spki' })), PUBLIC);
  const { der } = await clientCertificate(keyPair('ES256'));
  assert.equal(
    mistakeInDer(der),
    'the key is a certificate: give its private key as key and this as certificate',
  );
  assert.equal(
    mistakeInDer(Buffer.from([0x30, 0])),
    'the key is DER, but not a private key that can be read: convert it with openssl pkey -in client.der -out client.pem, or a PKCS#12 file with openssl pkcs12 -in client.p12 -out client.pem -nodes',
  );
});
