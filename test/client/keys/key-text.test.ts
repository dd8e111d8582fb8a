import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { keyFiles, presets, SigningKey } from '../../../lib/client/index.js';
import { jwkThumbprint } from '../../../lib/client/keys/key-material.js';
import type { SigningKeyInput } from '../../../lib/client/keys/signing-key.js';
import { certificateOf, clientCertificate } from '../../support/certificate.js';
import { encryptedPem, PASSPHRASE, pem, privateJwk } from '../../support/key-forms.js';
import { keyPair, newKeyPair } from '../../support/keys.js';

const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64');

/** What environment variables, vaults, editors and shells make of the text of a key. */
const WRAPPINGS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'with line ends of Windows': (text) => text.replaceAll('\n', '\r\n'),
  'with CR alone for line ends': (text) => text.replaceAll('\n', '\r'),
  'with escaped line ends': (text) => text.replaceAll('\n', '\\n'),
  'with line ends escaped twice': (text) => text.replaceAll('\n', '\\\\n'),
  'with escaped line ends of Windows': (text) => text.replaceAll('\n', '\\r\\n'),
  'as a JSON string': (text) => JSON.stringify(text),
  'as a JSON string in a JSON string': (text) => JSON.stringify(JSON.stringify(text)),
  'in double quotes': (text) => `"${text}"`,
  'in single quotes': (text) => `'${text}'`,
  'in base64': base64,
  'in base64url without padding': (text) => Buffer.from(text).toString('base64url'),
  'in base64 with lines': (text) => base64(text).replace(/.{76}/g, '$&\n'),
  'in base64 twice': (text) => base64(base64(text)),
  'with a byte order mark': (text) => `\uFEFF${text}`,
  'with white space around it': (text) => `\n\t ${text} \n\n`,
};

/** What happens to a PEM, and not to JSON. */
const PEM_WRAPPINGS: Readonly<Record<string, (pem: string) => string>> = {
  'on one line, with blanks': (text) => text.replaceAll('\n', ' '),
  'on one line, with nothing': (text) => text.replaceAll('\n', ''),
  indented: (text) => text.replace(/^/gm, '    '),
  'with attributes before it (openssl pkcs12)': (text) =>
    `Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n${text}`,
  'with comments around it': (text) => `# the key of the client\n${text}# the end\n`,
  'as the only key of a JSON object': (text) =>
    JSON.stringify({ type: 'service_account', private_key: text, client_email: 'a@b.example' }),
};

const FORMS = (['ES256', 'ES384', 'ES512', 'RS256', 'Ed25519'] as const).flatMap((alg) => {
  const pair = keyPair(alg);
  const json = JSON.stringify(privateJwk(pair));
  const traditional = alg === 'RS256' ? 'pkcs1' : 'sec1';
  return [
    { alg, pair, form: 'PKCS#8', text: pem(pair), isPem: true },
    ...(alg === 'Ed25519'
      ? []
      : [{ alg, pair, form: traditional, text: pem(pair, traditional), isPem: true }]),
    { alg, pair, form: 'JWK', text: json, isPem: false },
    {
      alg,
      pair,
      form: 'indented JWK',
      text: JSON.stringify(JSON.parse(json), null, 2),
      isPem: false,
    },
  ];
});

for (const { alg, pair, form, text, isPem } of FORMS) {
  const wrappings = isPem ? { ...WRAPPINGS, ...PEM_WRAPPINGS } : WRAPPINGS;
  test(`a ${form} key of ${alg} is the same key in each of ${Object.keys(wrappings).length} wrappings`, () => {
    for (const [name, wrap] of Object.entries(wrappings)) {
      // JSON has its own line ends, and none in quotes.
      if (!isPem && /line ends|quotes/.test(name) && !/byte order/.test(name)) continue;
      for (const key of [wrap(text), Buffer.from(wrap(text))]) {
        const kid = (() => {
          try {
            return SigningKey.from(key).kid;
          } catch (error) {
            return `${name}: ${(error as Error).message}`;
          }
        })();
        assert.equal(kid, jwkThumbprint(pair.publicJwk), name);
      }
    }
  });
}

test('any key in any accepted wrappings around each other is the same key', () => {
  const nested = fc.record({
    key: fc.constantFrom(...FORMS),
    outer: fc.array(
      fc.constantFrom(
        'as a JSON string',
        'in base64',
        'with a byte order mark',
        'with white space around it',
      ),
      { maxLength: 3 },
    ),
  });
  fc.assert(
    fc.property(nested, ({ key: { pair, text }, outer }) => {
      const wrapped = outer.reduce((inner, name) => WRAPPINGS[name]?.(inner) ?? inner, text);
      assert.equal(SigningKey.from(wrapped).kid, jwkThumbprint(pair.publicJwk), outer.join());
    }),
    { numRuns: 150 },
  );
});

test('DER and UTF-16 are read as they are', () => {
  for (const alg of ['ES256', 'RS256', 'Ed25519']) {
    const pair = keyPair(alg);
    const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
    const marked = Buffer.from(`\uFEFF${pem(pair)}`, 'utf16le');
    const kid = jwkThumbprint(pair.publicJwk);
    for (const key of [pkcs8, base64(pkcs8), ` ${base64(pkcs8)}\n`, marked, marked.swap16()]) {
      assert.equal(SigningKey.from(key).kid, kid);
    }
  }
  const { privateKey, publicJwk } = keyPair('RS256');
  const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'der' });
  assert.equal(SigningKey.from(pkcs1).kid, jwkThumbprint(publicJwk));
});

for (const type of ['pkcs8', 'sec1'] as const) {
  test(`an encrypted ${type} key is decrypted in every wrapping that keeps its headers apart`, () => {
    const pair = keyPair('ES256');
    const text = encryptedPem(pair, type);
    const joined = PEM_WRAPPINGS['on one line, with blanks'] ?? assert.fail();
    for (const [name, wrapped] of Object.entries({ ...WRAPPINGS, joined })) {
      const key = wrapped(text);
      assert.equal(SigningKey.from({ key, passphrase: PASSPHRASE }).alg, 'ES256', name);
      assert.throws(() => SigningKey.from(key), /is encrypted: give its passphrase/, name);
    }
  });
}

test('an encrypted DER is decrypted', () => {
  const pair = keyPair('ES256');
  const key = pair.privateKey.export({
    type: 'pkcs8',
    format: 'der',
    cipher: 'aes-256-cbc',
    passphrase: PASSPHRASE,
  });
  assert.equal(SigningKey.from({ key, passphrase: PASSPHRASE }).alg, 'ES256');
  assert.throws(() => SigningKey.from(key), /is encrypted: give its passphrase/);
});

const ec = keyPair('ES256');
const certificate = await certificateOf(ec);
const block = (label: string, content = 'MAA=') =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;

const REFUSED: readonly (readonly [string, SigningKeyInput, RegExp])[] = [
  ['an OpenPGP key', block('PGP PRIVATE KEY BLOCK'), /is an OpenPGP key/],
  ['an OpenPGP public key', block('PGP PUBLIC KEY BLOCK'), /is an OpenPGP key/],
  ['PKCS#7', block('PKCS7'), /is PKCS#7, which holds certificates and no private key/],
  ['CMS', block('CMS'), /is PKCS#7/],
  ['EC PARAMETERS alone', block('EC PARAMETERS', 'BggqhkjOPQMBBw=='), /has only parameters/],
  ['DH PARAMETERS', block('DH PARAMETERS'), /has only parameters and no key/],
  ['a certificate request', block('CERTIFICATE REQUEST'), /is a certificate request/],
  ['a list of revoked certificates', block('X509 CRL'), /is a list of revoked certificates/],
  ['a certificate', certificate, /is a certificate: give its private key as key/],
  ['a DSA key', block('DSA PRIVATE KEY'), /is a DSA key/],
  ['a key of OpenSSH', block('OPENSSH PRIVATE KEY'), /convert it with ssh-keygen/],
  ['a public key of OpenSSH', 'ssh-ed25519 AAAAC3NzaC1lZDI1 me', /public key of OpenSSH/],
  ['a key of PuTTY', 'PuTTY-User-Key-File-3: ssh-rsa', /format of PuTTY/],
  [
    'a public key in base64',
    base64(ec.publicKey.export({ type: 'spki', format: 'pem' })),
    /is a public key/,
  ],
  ['a public key in DER', ec.publicKey.export({ type: 'spki', format: 'der' }), /is a public key/],
  ['a certificate in DER', (await clientCertificate(ec)).der, /is a certificate: give its private/],
  ['two private keys', pem(ec) + pem(keyPair('RS256')), /has 2 private keys: give one of them/],
  ['a key that was cut off', pem(ec).slice(0, 100), /has no END line: did a shell/],
  [
    'an encrypted key whose headers are joined with its base64',
    { key: encryptedPem(ec, 'sec1').replaceAll('\n', ''), passphrase: PASSPHRASE },
    /the passphrase is wrong, or the PEM is damaged/,
  ],
  ['a JWT', 'eyJhbGciOiJ.eyJpc3MiOiI.c2lnbmF0', /is a JWT: give the private key/],
  ['an object with two keys', JSON.stringify({ a: pem(ec), b: pem(ec) }), /no kty/],
];

for (const [what, key, message] of REFUSED) {
  test(`${what} is named for what it is`, () => {
    assert.throws(() => SigningKey.from(key), { name: 'TypeError', message });
  });
}

/** A private key, and the public half of another one of its kind. */
const MISMATCHED = (['ES256', 'ES384', 'ES512', 'RS256', 'Ed25519'] as const).map((alg) => {
  const [mine, other] = [privateJwk(newKeyPair(alg)), privateJwk(newKeyPair(alg))];
  const members = { RSA: ['d'], EC: ['d'], OKP: ['d'] }[mine.kty] ?? [];
  const privatePart = Object.fromEntries(members.map((name) => [name, mine[name]]));
  return { alg, jwk: { ...other, ...privatePart } };
});

for (const { alg, jwk } of MISMATCHED) {
  test(`a private part of ${alg} beside the public half of another key is refused`, () => {
    for (const key of [jwk, JSON.stringify(jwk)]) {
      assert.throws(() => SigningKey.from(key), {
        name: 'TypeError',
        message:
          /the private half and the public half do not belong together|is not a valid private/,
      });
    }
  });
}

for (const member of ['n', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'e']) {
  test(`an RSA key whose ${member} is another key's is refused (RFC 8017 §3.2)`, () => {
    const [mine, other] = [privateJwk(keyPair('RS256')), privateJwk(newKeyPair('RS256'))];
    const value = member === 'e' ? 'AQAD' : other[member];
    assert.throws(() => SigningKey.from({ ...mine, [member]: value }), TypeError);
  });
}

test('a public half that does not match is refused whatever the key', () => {
  const pairs = ['ES256', 'ES384', 'ES512', 'Ed25519'].map(
    (alg) => [alg, privateJwk(keyPair(alg))] as const,
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...pairs),
      fc.nat(31),
      fc.integer({ min: 1, max: 255 }),
      ([, jwk], index, bits) => {
        const bytes = Buffer.from(String(jwk['x']), 'base64url');
        bytes[index] = (bytes[index] ?? 0) ^ bits;
        const changed = { ...jwk, x: bytes.toString('base64url') };
        assert.throws(() => SigningKey.from(changed), TypeError);
      },
    ),
    { numRuns: 100 },
  );
});

test('a PEM whose public key is that of another private key is refused', () => {
  const spki = (pair: typeof ec) =>
    pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  assert.equal(SigningKey.from(pem(ec) + spki(ec)).alg, 'ES256');
  for (const other of [newKeyPair('ES256'), keyPair('RS256')]) {
    assert.throws(() => SigningKey.from(pem(ec) + spki(other)), /do not belong together/);
  }
});

test('leading zeros of a coordinate may be absent, and are no mismatch', () => {
  let jwk = privateJwk(ec);
  while (Buffer.from(String(jwk['x']), 'base64url')[0] !== 0) jwk = privateJwk(newKeyPair('ES256'));
  const x = Buffer.from(String(jwk['x']), 'base64url').subarray(1).toString('base64url');
  const named = SigningKey.from(jwk).kid;
  try {
    assert.equal(SigningKey.from({ ...jwk, x }).kid, named);
  } catch (error) {
    assert.match((error as Error).message, /not a valid private key/);
  }
});

test('a PEM of key and certificate has both, in either order, for keyFiles too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'));
  t.after(() => rm(folder, { recursive: true }));
  const rsa = keyPair('RS256');
  const { pem: own, base64: der } = await clientCertificate(rsa);
  const authority = (await clientCertificate(newKeyPair('RS256'))).pem;
  for (const [index, text] of [
    pem(rsa) + own,
    own + pem(rsa),
    authority + pem(rsa) + own,
  ].entries()) {
    const path = join(folder, `${index}.pem`);
    await writeFile(path, text);
    const { algorithms, keyHeader } = presets.microsoftEntraId;
    const [key] = await keyFiles([path], { x5c: true })({ algorithms, keyHeader });
    assert.ok(key);
    const jwt = await key.signJwt({}, {}, { keyHeader });
    const { protectedHeader } = await jwtVerify(jwt, rsa.publicKey);
    assert.equal(protectedHeader.x5c?.[0], der);
    assert.equal(protectedHeader.x5c?.length, index === 2 ? 2 : 1);
    assert.ok(protectedHeader['x5t#S256']);
    assert.equal(protectedHeader.kid, undefined);
  }
});

test('the option certificate overrides the certificate in the PEM of the key', async () => {
  const [first, second] = [await certificateOf(ec), await certificateOf(ec)];
  const thumbprint = async (options: Parameters<typeof SigningKey.from>[0]) =>
    decodeProtectedHeader(await SigningKey.from(options).signJwt({}))['x5t#S256'];
  const given = await thumbprint({ key: pem(ec), certificate: second });
  assert.equal(await thumbprint({ key: pem(ec) + first, certificate: second }), given);
});

test('a PEM whose only certificate belongs to another key is refused', async () => {
  const other = await certificateOf(newKeyPair('ES256'));
  assert.throws(() => SigningKey.from(pem(ec) + other), /certificate belongs to another key/);
});

test('a certificate is read in the same wrappings as a key', async () => {
  const { der } = await clientCertificate(ec);
  const expected = createPublicKey(certificate).export({ format: 'jwk' });
  assert.deepEqual(expected, ec.publicKey.export({ format: 'jwk' }));
  for (const name of [
    'with escaped line ends',
    'as a JSON string',
    'in base64',
    'in double quotes',
  ]) {
    const wrapped = WRAPPINGS[name]?.(certificate) ?? '';
    const key = SigningKey.from({ key: ec.privateKey, certificate: wrapped });
    assert.ok(decodeProtectedHeader(await key.signJwt({}))['x5t#S256'], name);
  }
  assert.ok(SigningKey.from({ key: ec.privateKey, certificate: der }));
  assert.throws(
    () => SigningKey.from({ key: ec.privateKey, certificate: block('PKCS7') }),
    /certificate is in PKCS#7: convert it with openssl pkcs7/,
  );
});
