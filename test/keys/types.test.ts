import assert from 'node:assert/strict';
import { createHash, createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import type { AuthenticationEvent, Secret } from '../../lib/index.js';
import { decodeCompactJws } from '../../lib/keys/compact-jws.js';
import type { JsonWebKey } from '../../lib/keys/secret.js';
import { certificateState, verifySignature } from '../../lib/keys/signature.js';
import { signAssertion, validClaims } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';
import { hmacSigner, rawAssertion, rightSigner } from '../support/raw-jws.js';
import { requestWith, validatorOf } from '../support/validator.js';

const RSA = keyPair('RS256');
const EC = keyPair('ES256');
const OKP = keyPair('EdDSA');
const SHARED = 'a shared secret of 32 bytes, long';
const OCT = { kty: 'oct', k: Buffer.from(SHARED).toString('base64url'), kid: 'shared' };

const rsaCertificate = await clientCertificate(RSA);
const ecCertificate = await clientCertificate(EC);
const okpCertificate = await clientCertificate(OKP);

const singleQuoted = (jwk: object): string => JSON.stringify(jwk).replaceAll('"', "'");
const inLines = (base64: string): string => base64.replace(/(.{64})/g, '$1\r\n');
const pem = (type: 'spki' | 'pkcs1') => RSA.publicKey.export({ type, format: 'pem' }).toString();

/** As some serializers write what is missing. */
const SILENT = { use: null, alg: null, d: null, k: [], key_ops: [], x5c: [] } as unknown as object;

/** The JWK, these members of it written in another way. */
function rewritten(jwk: JsonWebKey, members: readonly string[], write: (bytes: Buffer) => string) {
  const bytes = (member: string) => Buffer.from(String(jwk[member]), 'base64url');
  const others = members.map((member) => [member, write(bytes(member))]);
  return { ...jwk, ...Object.fromEntries(others) } as JsonWebKey;
}

const withZeros = (jwk: JsonWebKey, ...members: string[]) =>
  rewritten(jwk, members, (bytes) => Buffer.concat([Buffer.of(0), bytes]).toString('base64url'));
const inBase64 = (jwk: JsonWebKey, ...members: string[]) =>
  rewritten(jwk, members, (bytes) => bytes.toString('base64'));

type Form = readonly [name: string, secret: Secret, alg: string];

const x509 = (value: string): Secret => ({ type: 'X509CertificateBase64', value });
const jwk = (value: string | JsonWebKey): Secret => ({ type: 'JsonWebKey', value });

const FORMS: readonly Form[] = [
  ['an RSA certificate in base64', x509(rsaCertificate.base64), 'RS256'],
  ['an EC certificate in base64', x509(ecCertificate.base64), 'ES256'],
  ['an Ed25519 certificate in base64', x509(okpCertificate.base64), 'EdDSA'],
  ['a certificate in lines of base64', x509(inLines(rsaCertificate.base64)), 'PS256'],
  ['a certificate in PEM', x509(rsaCertificate.pem), 'RS256'],
  ['a certificate in PEM with CRLF', x509(rsaCertificate.pem.replaceAll('\n', '\r\n')), 'RS256'],
  ['a certificate in PEM between blanks', x509(`\n ${rsaCertificate.pem}\n\n`), 'RS256'],
  ['a certificate in quotes', x509(`"${ecCertificate.base64}"`), 'ES256'],
  ['a certificate in lines and quotes', x509(`'${inLines(ecCertificate.base64)}'`), 'ES256'],
  ['a certificate with escaped lines', x509(`${ecCertificate.base64}\\n`), 'ES256'],
  ['a PEM with doubly escaped lines', x509(ecCertificate.pem.replaceAll('\n', '\\\\n')), 'ES256'],
  ['a PEM in base64', x509(Buffer.from(ecCertificate.pem).toString('base64')), 'ES256'],
  ['a PEM after a byte order mark', x509(`\uFEFF${ecCertificate.pem}`), 'ES256'],
  ['an older label', x509(ecCertificate.pem.replaceAll(' CERT', ' X509 CERT')), 'ES256'],
  ['another older label', x509(ecCertificate.pem.replaceAll(' CERT', ' X.509 CERT')), 'ES256'],
  ['an RSA JWK with leading zeros', jwk(withZeros(RSA.publicJwk, 'n', 'e')), 'RS256'],
  ['a JWK in base64 with padding', jwk(inBase64(EC.publicJwk, 'x', 'y')), 'ES256'],
  ['a JWK with members that say nothing', jwk({ ...EC.publicJwk, ...SILENT }), 'ES256'],
  [
    'a JWK Set whose key has members that say nothing',
    { type: 'JsonWebKeySet', value: { keys: [{ ...EC.publicJwk, ...SILENT }] } },
    'ES256',
  ],
  ['an RSA JWK', jwk(RSA.publicJwk), 'RS512'],
  ['an RSA JWK with members of an EC key', jwk({ ...EC.publicJwk, ...RSA.publicJwk }), 'RS256'],
  ['an EC JWK', jwk(EC.publicJwk), 'ES256'],
  ['an OKP JWK', jwk(OKP.publicJwk), 'EdDSA'],
  ['a symmetric JWK', jwk(OCT), 'HS256'],
  ['a JWK as JSON', jwk(JSON.stringify(RSA.publicJwk)), 'PS384'],
  ['a symmetric JWK as JSON', jwk(JSON.stringify(OCT)), 'HS256'],
  ['an RSA JWK in single quotes', jwk(singleQuoted(RSA.publicJwk)), 'RS256'],
  ['a JWK in lines and single quotes', jwk(`{\n  ${singleQuoted(EC.publicJwk).slice(1)}`), 'ES256'],
  ['an EC JWK in single quotes', jwk(` ${singleQuoted(EC.publicJwk)} `), 'ES256'],
  ['a symmetric JWK in single quotes', jwk(singleQuoted(OCT)), 'HS256'],
  ['a JWK with use sig', jwk({ ...EC.publicJwk, use: 'sig' }), 'ES256'],
  ['a JWK with key_ops', jwk({ ...EC.publicJwk, key_ops: ['verify'] }), 'ES256'],
  ['a JWK with its alg', jwk({ ...RSA.publicJwk, alg: 'PS256' }), 'PS256'],
  ['a JWK with members that nobody knows', jwk({ ...EC.publicJwk, colour: 'blue' }), 'ES256'],
  ['a JWK Set', { type: 'JsonWebKeySet', value: { keys: [RSA.publicJwk, EC.publicJwk] } }, 'ES256'],
  [
    'a JWK Set as JSON',
    { type: 'JsonWebKeySet', value: JSON.stringify({ keys: [EC.publicJwk] }) },
    'ES256',
  ],
  [
    'a JWK Set in single quotes',
    { type: 'JsonWebKeySet', value: singleQuoted({ keys: [EC.publicJwk] }) },
    'ES256',
  ],
  [
    'a JWK Set with keys for others (RFC 7517 §5)',
    {
      type: 'JsonWebKeySet',
      value: {
        keys: [
          { ...RSA.publicJwk, use: 'enc' },
          { kty: 'LATTICE', alg: 'LT-44', pub: 'AA' },
          { ...EC.publicJwk, key_ops: ['encrypt'] },
          null as unknown as { kty: string },
          OKP.publicJwk,
        ],
      },
    },
    'EdDSA',
  ],
  ['a public key in PEM (SPKI)', { type: 'PublicKeyPem', value: pem('spki') }, 'RS256'],
  ['a public key in PEM (PKCS#1)', { type: 'PublicKeyPem', value: `\n${pem('pkcs1')}` }, 'RS256'],
  ['a shared secret', { type: 'SharedSecret', value: SHARED }, 'HS256'],
  [
    'a shared secret of letters of two bytes',
    { type: 'SharedSecret', value: 'é'.repeat(16) },
    'HS256',
  ],
  [
    'a shared secret that has the mark of a PEM in its middle',
    { type: 'SharedSecret', value: `${SHARED}-----BEGIN PRIVATE KEY-----` },
    'HS256',
  ],
  [
    'a shared secret that has a JWK in its middle',
    { type: 'SharedSecret', value: `${SHARED}${JSON.stringify(OCT)}` },
    'HS256',
  ],
  [
    'a shared secret that has the words of a JWK and no brace',
    { type: 'SharedSecret', value: `"kty": "oct", ${SHARED}` },
    'HS256',
  ],
];

function signedFor([, secret, alg]: Form): Promise<string> | string {
  if (!alg.startsWith('HS')) {
    const pair = [RSA, EC, OKP].find((one) => one.alg.slice(0, 2) === alg.slice(0, 2)) ?? RSA;
    return rawAssertion({ alg }, validClaims(), rightSigner({ ...pair, alg }));
  }
  const key = secret.type === 'SharedSecret' ? secret.value : SHARED;
  return rawAssertion({ alg }, validClaims(), hmacSigner('sha256', key));
}

for (const form of FORMS) {
  const [name, secret, alg] = form;
  test(`${name} verifies ${alg}`, async () => {
    const events: AuthenticationEvent[] = [];
    const clients = [{ clientId: 'client', secrets: [{ ...secret, description: 'first' }] }];
    const validator = validatorOf(clients, { onAuthentication: (event) => events.push(event) });
    const { authentication } = await validator.validate(requestWith(await signedFor(form)));
    const method = alg.startsWith('HS') ? 'client_secret_jwt' : 'private_key_jwt';
    assert.equal(authentication.method, method);
    assert.equal(authentication.alg, alg);
    assert.equal(events[0]?.secret, `${secret.type}, "first"`);
    assert.deepEqual(
      events[0]?.warnings.filter(({ code }) => code === 'secret_refused'),
      [],
    );
  });
}

test('keyId is the kid of the key, or the SHA-256 thumbprint of its certificate', async () => {
  const thumbprint = createHash('sha256').update(ecCertificate.der).digest('base64url');
  const keyIdWith = async (secret: Secret) => {
    const validator = validatorOf([{ clientId: 'client', secrets: [secret] }]);
    const { authentication } = await validator.validate(requestWith(await signAssertion()));
    return authentication.keyId;
  };
  assert.equal(await keyIdWith(jwk({ ...EC.publicJwk, kid: 'one' })), 'one');
  assert.equal(await keyIdWith(x509(ecCertificate.base64)), thumbprint);
  assert.equal(await keyIdWith(jwk(EC.publicJwk)), undefined);
});

const HMAC_KEY = createSecretKey(Buffer.alloc(64, 7));

for (const alg of [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'HS256', 'HS384', 'HS512'],
]) {
  test(`a signature by ${alg} is verified in full length only (RFC 7515 §5.2, RFC 7518 §3)`, async () => {
    const { privateKey, publicKey } = alg.startsWith('HS')
      ? { privateKey: HMAC_KEY, publicKey: HMAC_KEY }
      : keyPair(alg);
    const jws = decodeCompactJws(
      await new SignJWT({ sub: 'é' }).setProtectedHeader({ alg }).sign(privateKey),
    );
    assert.ok(jws !== undefined);
    const key = { keyObject: publicKey, algorithms: [] };
    const check = async (signature: Buffer) => verifySignature({ ...jws, signature }, key);
    assert.equal(await check(jws.signature), true);
    const { length } = jws.signature;
    const forged = Buffer.from(jws.signature);
    forged[length >> 1] = (forged[length >> 1] ?? 0) ^ 1;
    for (const wrong of [
      forged,
      jws.signature.subarray(1),
      Buffer.concat([jws.signature, Buffer.alloc(1)]),
      Buffer.alloc(0),
    ]) {
      assert.equal(await check(wrong), false, `${wrong.length} bytes`);
    }
    const short = { ...jws, signature: jws.signature.subarray(1) };
    // The length alone shows it, so no thread of the pool verifies it.
    if (/^[EP]S/.test(alg)) assert.equal(verifySignature(short, key), false);
  });
}

test('a PSS signature without its leading zero byte is refused (RFC 8017 §8.1.2)', async () => {
  const { privateKey, publicKey } = keyPair('PS256');
  const signed = async () => {
    const assertion = await new SignJWT({}).setProtectedHeader({ alg: 'PS256' }).sign(privateKey);
    return decodeCompactJws(assertion);
  };
  // The salt is random, so one signature of 256 starts with a zero byte.
  let jws = await signed();
  while (jws?.signature[0] !== 0) jws = await signed();
  const key = { keyObject: publicKey, algorithms: [] };
  assert.equal(await verifySignature(jws, key), true);
  assert.equal(await verifySignature({ ...jws, signature: jws.signature.subarray(1) }, key), false);
});

for (const [notBefore, notAfter, state] of [
  [undefined, undefined, 'valid'],
  [100, undefined, 'valid'],
  [101, undefined, 'early'],
  [undefined, 100, 'valid'],
  [undefined, 99, 'expired'],
  [100, 100, 'valid'],
] as const) {
  test(`a certificate from ${notBefore} until ${notAfter} is ${state} at 100 (RFC 5280 §4.1.2.5)`, () => {
    const key = { keyObject: HMAC_KEY, algorithms: [], notBefore, notAfter };
    assert.equal(certificateState(key, 100), state);
  });
}
