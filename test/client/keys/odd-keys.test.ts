import assert from 'node:assert/strict';
import { constants, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mock, test } from 'node:test';
import { jwtVerify } from 'jose';
import { type RemoteSigner, SigningKey } from '../../../lib/client/index.js';
import { clientCertificate } from '../../support/certificate.js';
import { keyPair } from '../../support/keys.js';

const pssOf = (details: object = {}) =>
  generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...details });

for (const [what, details, alg] of [
  ['without parameters', {}, 'PS256'],
  [
    'for SHA-384',
    { hashAlgorithm: 'sha384', mgf1HashAlgorithm: 'sha384', saltLength: 48 },
    'PS384',
  ],
  [
    'for SHA-512',
    { hashAlgorithm: 'sha512', mgf1HashAlgorithm: 'sha512', saltLength: 20 },
    'PS512',
  ],
] as const) {
  test(`an RSASSA-PSS key ${what} signs ${alg} (RFC 4055 §3.1, RFC 7518 §3.5)`, async () => {
    const { privateKey, publicKey } = pssOf(details);
    const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    for (const key of [privateKey, text]) {
      const signingKey = SigningKey.from(key);
      assert.equal(signingKey.alg, alg);
      const jwt = await signingKey.signJwt({ iss: 'client' });
      assert.equal(signingKey.publicJwk?.kty, 'RSA');
      const [input = '', signature = ''] = [jwt.slice(0, jwt.lastIndexOf('.')), jwt.split('.')[2]];
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const saltLength = Number(alg.slice(2)) / 8;
      const options = { key: publicKey, padding, saltLength };
      const bytes = Buffer.from(signature, 'base64url');
      assert.ok(verify(`sha${alg.slice(2)}`, Buffer.from(input), options, bytes));
      const published = createPublicKey({ key: { ...signingKey.publicJwk }, format: 'jwk' });
      await jwtVerify(jwt, published, { algorithms: [alg] });
    }
  });
}

test('an RSASSA-PSS key signs only what its parameters allow', () => {
  const { privateKey } = pssOf({
    hashAlgorithm: 'sha256',
    mgf1HashAlgorithm: 'sha256',
    saltLength: 32,
  });
  for (const alg of ['RS256', 'PS384'] as const) {
    assert.throws(
      () => SigningKey.from({ key: privateKey, alg }),
      /does not fit the key: use PS256/,
    );
  }
});

const ec = keyPair('ES256');
const DAY = 86_400_000;

for (const [what, from, to, problem, sentence] of [
  ['that has expired', -9, -2, 'expired', /expired at .*: servers may refuse its signatures/],
  ['that is not valid yet', 2, 9, 'not yet valid', /is not valid before /],
] as const) {
  test(`a certificate ${what} is a warning when it is made, and an event when it signs (RFC 5280 §4.1.2.5)`, async (t) => {
    const now = Date.now();
    const { pem: certificate } = await clientCertificate(ec, {
      notBefore: new Date(now + from * DAY),
      notAfter: new Date(now + to * DAY),
    });
    const warnings = t.mock.method(process, 'emitWarning', () => {});
    const events: Record<string, unknown>[] = [];
    const listener = (event: unknown) => events.push(event as Record<string, unknown>);
    subscribe('passport-private-key-jwt:signing-certificate', listener);
    t.after(() => unsubscribe('passport-private-key-jwt:signing-certificate', listener));
    const key = SigningKey.from({ key: ec.privateKey, certificate, kid: 'client' });
    assert.equal(warnings.mock.callCount(), 1);
    const text = String(warnings.mock.calls[0]?.arguments[0]);
    assert.match(text, sentence);
    assert.match(text, /signing key client/);
    const date = new Date(now + (problem === 'expired' ? to : from) * DAY).toISOString();
    assert.ok(text.includes(date.slice(0, 19)), text);
    assert.deepEqual(warnings.mock.calls[0]?.arguments[1], { code: 'PRIVATE_KEY_JWT_CERTIFICATE' });
    assert.equal(events.length, 0);
    await key.signJwt({});
    await key.signJwt({});
    assert.equal(warnings.mock.callCount(), 1);
    for (const { notBefore, notAfter } of events) {
      assert.equal(String(notBefore), String(new Date(now + from * DAY)));
      assert.equal(String(notAfter), String(new Date(now + to * DAY)));
    }
    assert.deepEqual(
      events.map((event) => [event['problem'], event['kid'], event['alg']]),
      [
        [problem, 'client', 'ES256'],
        [problem, 'client', 'ES256'],
      ],
    );
  });
}

test('a certificate is valid in its first and last second, and then nothing is reported (RFC 5280 §4.1.2.5)', async (t) => {
  const [from, to] = [Date.parse('2030-01-01'), Date.parse('2030-02-01')];
  const validity = { notBefore: new Date(from), notAfter: new Date(to) };
  const { pem: certificate } = await clientCertificate(ec, validity);
  const warnings = t.mock.method(process, 'emitWarning', () => {});
  const problems: unknown[] = [];
  const listener = (event: unknown) => problems.push((event as { problem: unknown }).problem);
  subscribe('passport-private-key-jwt:signing-certificate', listener);
  t.after(() => unsubscribe('passport-private-key-jwt:signing-certificate', listener));
  mock.timers.enable({ apis: ['Date'], now: from });
  t.after(() => mock.timers.reset());
  const key = SigningKey.from({ key: ec.privateKey, certificate });
  for (const now of [from, to]) {
    mock.timers.setTime(now);
    await key.signJwt({});
  }
  const texts = warnings.mock.calls.map((call) => String(call.arguments[0]));
  assert.deepEqual([problems, texts.filter((text) => /certificate/.test(text))], [[], []]);
  for (const now of [from - 1, to + 1]) {
    mock.timers.setTime(now);
    await key.signJwt({});
  }
  assert.deepEqual(problems, ['not yet valid', 'expired']);
});

test('each certificate causes one warning, however often its key is made', async (t) => {
  const warnings = t.mock.method(process, 'emitWarning', () => {});
  const validity = { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') };
  const certificates = await Promise.all([1, 2].map(() => clientCertificate(ec, validity)));
  for (let times = 0; times < 2; times += 1) {
    for (const { pem: certificate } of certificates) {
      SigningKey.from({ key: ec.privateKey, certificate });
    }
  }
  assert.equal(warnings.mock.callCount(), 2);
});

test('a certificate that expires while it is in use causes a warning at that time', async (t) => {
  const { pem: certificate } = await clientCertificate(ec);
  const warnings = t.mock.method(process, 'emitWarning', () => {});
  const key = SigningKey.from({ key: ec.privateKey, certificate });
  await key.signJwt({});
  assert.equal(warnings.mock.callCount(), 0);
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 3 * DAY });
  t.after(() => mock.timers.reset());
  await key.signJwt({});
  const texts = warnings.mock.calls.map((call) => String(call.arguments[0]));
  assert.equal(texts.filter((text) => text.includes('expired at')).length, 1);
});

const remote = (publicJwk: RemoteSigner['publicJwk']): RemoteSigner => ({
  alg: 'ES256',
  publicJwk,
  sign: async (data) => sign('sha256', data, ec.privateKey),
});

const spki = { type: 'spki', format: 'der' } as const;
const der = ec.publicKey.export(spki);
const spkiPem = ec.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const { x, y } = ec.publicJwk as unknown as Record<'x' | 'y', string>;
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));

for (const [what, publicJwk] of [
  ['a JWK', ec.publicJwk],
  ['the JSON of a JWK', JSON.stringify(ec.publicJwk)],
  ['PEM, as Google Cloud KMS has it', spkiPem],
  ['PEM with escaped line ends', spkiPem.replaceAll('\n', '\\n')],
  ['DER, as AWS KMS has it', new Uint8Array(der)],
  ['base64 of DER', der.toString('base64')],
  [
    'a JWK with bytes, as Azure Key Vault has it',
    { kty: 'EC-HSM', crv: 'P-256', x: bytes(x), y: bytes(y) },
  ],
] as const) {
  test(`a remote signer accepts its public half as ${what}`, async () => {
    const key = SigningKey.from(remote(publicJwk));
    assert.equal(key.kid, SigningKey.from(ec.privateKey).kid);
    assert.deepEqual(key.publicJwk, SigningKey.from(ec.privateKey).publicJwk);
    await jwtVerify(await key.signJwt({}), ec.publicKey);
  });
}

for (const [what, publicJwk, message] of [
  ['the kid is a number', { ...ec.publicJwk, kid: 7 }, /the kid of the JWK must be text/],
  ['the kid is empty', { ...ec.publicJwk, kid: '' }, /the kid of the JWK is empty/],
  ['it is private', { ...ec.publicJwk, d: 'AAAA' }, /publicJwk is wrong: .*private key/],
  [
    'it is a private PEM',
    ec.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    /publicJwk is wrong/,
  ],
  ['it is of another kind', keyPair('RS256').publicKey.export(spki), /ES256 does not fit it/],
  ['it is damaged', der.subarray(0, 40), /publicJwk is wrong: the DER is not a public key/],
  ['it is no key', 'no key', /publicJwk is wrong/],
] as const) {
  test(`a remote signer is refused if ${what}`, () => {
    const input = remote(publicJwk as RemoteSigner['publicJwk']);
    assert.throws(() => SigningKey.from(input), { name: 'TypeError', message });
  });
}

test('the first signature reveals a remote signer whose public half belongs to another key', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const key = SigningKey.from(remote(new Uint8Array(other.export(spki))));
  await assert.rejects(key.signJwt({}), /does not verify with its public key/);
});
