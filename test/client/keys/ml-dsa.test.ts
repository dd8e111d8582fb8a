import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { calculateJwkThumbprint, generateKeyPair, importJWK, jwtVerify } from 'jose';
import { clientCredentialsGrant } from 'openid-client';
import {
  AssertionService,
  clientAssertion,
  KeyRing,
  type KeySource,
  publishJwks,
  SigningKey,
} from '../../../lib/client/index.js';
import type { Secret } from '../../../lib/index.js';
import { ISSUER } from '../../support/assertion.js';
import { listen } from '../../support/listen.js';
import { openIdProvider } from '../../support/openid-provider.js';
import { discover } from '../../support/relying-party.js';
import { outcome, validatorOf } from '../../support/validator.js';

// ML-DSA (FIPS 204) in JOSE: kty AKP. Node 24.6 and newer sign and verify; others say so.

/** The last number of the object identifier (RFC 9881 §2) and the size of a signature. */
const ML_DSA = {
  'ML-DSA-44': [0x11, 2420],
  'ML-DSA-65': [0x12, 3309],
  'ML-DSA-87': [0x13, 4627],
} as const;

function newPair(alg: string): { privateKey: KeyObject; publicKey: KeyObject } | undefined {
  try {
    return generateKeyPairSync(alg.toLowerCase() as 'ed25519');
  } catch {
    return undefined;
  }
}

/** Whether a version is at least this one. */
const isFrom = (version: string, major: number, minor: number): boolean => {
  const [own = 0, second = 0] = version.split('.').map(Number);
  return own > major || (own === major && second >= minor);
};

test('ML-DSA is there from Node 24.6 and OpenSSL 3.5 on', () => {
  const { node, openssl } = process.versions;
  const expected = isFrom(node, 24, 6) && isFrom(openssl, 3, 5);
  assert.equal(newPair('ML-DSA-44') !== undefined, expected, `Node ${node}, OpenSSL ${openssl}`);
});

const serviceOf = (key: unknown, issuer = ISSUER) =>
  new AssertionService({ clientId: 'client', key: key as SigningKey, issuer });

async function published(t: TestContext, keys: KeySource | KeyRing): Promise<unknown> {
  const host = await listen(publishJwks(keys as KeyRing) as never);
  t.after(() => host.close());
  return (await fetch(host.url)).json();
}

for (const [alg, [oid, size]] of Object.entries(ML_DSA)) {
  /** A private key in DER as RFC 9881 §6 has it: the seed alone. */
  const header = Buffer.from('3034020100300b060960864801650304031104228020', 'hex');
  header[header.length - 5] = oid;
  const der = Buffer.concat([header, randomBytes(32)]);
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  const pair = newPair(alg);

  if (pair === undefined) {
    const sentence = new RegExp(
      `this Node \\(v[\\d.]+, OpenSSL [^)]+\\) cannot sign with ${alg}: use Node 24.6 or newer`,
    );
    const seed = randomBytes(32).toString('base64url');
    for (const [form, key] of Object.entries({
      'a JWK': { kty: 'AKP', alg, pub: seed, priv: seed },
      'the text of a JWK': JSON.stringify({ kty: 'AKP', alg, pub: seed, priv: seed }),
      PEM: pem,
      DER: der,
    })) {
      test(`${alg}: ${form} is refused with a sentence on a Node that cannot sign with it`, () => {
        assert.throws(() => SigningKey.from(key as never), {
          name: 'TypeError',
          message: sentence,
        });
      });
    }
    continue;
  }

  const jwk = pair.privateKey.export({ format: 'jwk' }) as unknown as Record<string, string>;
  const { priv, ...publicJwk } = jwk;
  const webCrypto = () => generateKeyPair(alg, { extractable: true });
  for (const [form, make] of Object.entries<() => unknown>({
    'a JWK': () => jwk,
    'the text of a JWK': () => JSON.stringify(jwk),
    'a KeyObject': () => pair.privateKey,
    'the PEM that Node writes': () => pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    'the PEM of a seed': () => pem,
    'the DER of a seed': () => der,
    'a CryptoKey': async () => (await webCrypto()).privateKey,
  })) {
    test(`${alg}: an assertion signed with ${form} verifies here and with jose`, async () => {
      const service = serviceOf(SigningKey.from((await make()) as never));
      const { publicJwk: half } = service.key;
      assert.deepEqual([half?.kty, half?.alg], ['AKP', alg]);
      assert.ok(half !== undefined && !('priv' in half));
      assert.equal(half['kid'], await calculateJwkThumbprint(half as never));
      const assertion = await service.createClientToken();
      const signature = assertion.split('.')[2] ?? '';
      assert.equal(Buffer.from(signature, 'base64url').length, size);
      const { payload, protectedHeader } = await jwtVerify(
        assertion,
        await importJWK(half as never),
      );
      assert.deepEqual([payload.sub, protectedHeader.alg], ['client', alg]);
      const secrets: readonly Secret[] = [{ type: 'JsonWebKey', value: half }];
      const validator = validatorOf([{ clientId: 'client', secrets }]);
      assert.equal(await outcome(validator, assertion), undefined);
      assert.equal(await outcome(validator, assertion), 'replayed');
      const stranger: readonly Secret[] = [
        {
          type: 'JsonWebKey',
          value: SigningKey.from(newPair(alg)?.privateKey as never).publicJwk as never,
        },
      ];
      assert.equal(
        await outcome(
          validatorOf([{ clientId: 'client', secrets: stranger }]),
          await service.createClientToken(),
        ),
        'signature_invalid',
      );
    });
  }

  test(`${alg}: a KeyRing publishes only the public half`, async (t) => {
    const body = await published(t, new KeyRing({ keys: [jwk as never] }));
    const kid = await calculateJwkThumbprint(publicJwk as never);
    const { keys } = body as { keys: Record<string, unknown>[] };
    assert.equal(keys.length, 1);
    assert.deepEqual(
      [keys[0]?.['pub'], keys[0]?.['kid'], keys[0]?.['alg']],
      [jwk['pub'], kid, alg],
    );
    assert.ok(!JSON.stringify(body).includes(String(priv)));
  });

  test(`${alg}: a JWK with the public half of another key, another alg or no alg is refused`, () => {
    const other = newPair(alg)?.publicKey.export({ format: 'jwk' }) as unknown as typeof jwk;
    for (const wrong of [
      { ...jwk, pub: other['pub'] },
      { ...jwk, alg: 'ML-DSA-99' },
      { ...jwk, alg: undefined },
      { ...jwk, priv: 'AA' },
      publicJwk,
    ]) {
      assert.throws(() => SigningKey.from(wrong as never), { name: 'TypeError' });
    }
  });

  test(`${alg}: oidc-provider accepts our assertions`, async (t) => {
    const key = SigningKey.from(jwk as never);
    const provider = await openIdProvider(
      {
        client_id: 'client',
        jwks: { keys: [key.publicJwk as never] },
        token_endpoint_auth_signing_alg: alg as never,
      },
      () => ({ enabledJWA: { clientAuthSigningAlgValues: [alg as never] } }),
    );
    t.after(() => provider.close());
    const service = serviceOf(key, provider.issuer);
    const config = await discover(provider.issuer, 'client', clientAssertion(service));
    const { token_type } = await clientCredentialsGrant(config);
    assert.equal(token_type, 'bearer');
    assert.equal(provider.assertions[0]?.header['alg'], alg);
  });
}
