import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { mock, type TestContext, test } from 'node:test';
import {
  type AuthenticationEvent,
  clientMetadataDocuments,
  type Secret,
  validateRequestObject,
} from '../../lib/index.js';
import { importJwkSet } from '../../lib/keys/jwk.js';
import { ISSUER, signAssertion } from '../support/assertion.js';
import { CLIENT, clientWith, jwkSecret } from '../support/attacks.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { hmacSigner, rawJws } from '../support/raw-jws.js';
import { outcome, validatorOf } from '../support/validator.js';

// The bounds of docs/threat-model.md, each by the work that is done: calls are counted, since times
// depend on the machine.

/** Counts the work of a run: JSON parsed, base64url decoded, keys imported, signatures checked. */
async function workOf(t: TestContext, run: () => unknown) {
  const count = { parsed: 0, decoded: 0, imported: 0, verified: 0, urls: 0 };
  const counting = <T extends object>(
    target: T,
    name: keyof T,
    note: (...args: readonly unknown[]) => void,
  ) => {
    const original = target[name] as (...args: unknown[]) => unknown;
    const implementation = (...args: unknown[]) => {
      note(...args);
      return Reflect.apply(original, target, args);
    };
    return t.mock.method(target, name as never, implementation as never);
  };
  const one = (name: keyof typeof count) => () => {
    count[name] += 1;
  };
  counting(JSON, 'parse', one('parsed'));
  counting(Buffer, 'from', (_text, encoding) => {
    if (encoding === 'base64url') count.decoded += 1;
  });
  counting(crypto, 'createPublicKey', one('imported'));
  counting(crypto, 'verify', one('verified'));
  counting(URL, 'canParse', one('urls'));
  syncBuiltinESMExports();
  try {
    await run();
  } finally {
    mock.restoreAll();
    t.mock.restoreAll();
    syncBuiltinESMExports();
  }
  return count;
}

const NO_WORK = { parsed: 0, decoded: 0, imported: 0, verified: 0, urls: 0 };

/** A valid assertion of exactly so many characters. */
async function assertionOf(length: number): Promise<string> {
  const { length: empty } = await signAssertion('client', { claims: { pad: '' } });
  for (let pad = Math.floor(((length - empty) * 3) / 4) - 4; ; pad += 1) {
    const assertion = await signAssertion('client', { claims: { pad: 'x'.repeat(pad) } });
    if (assertion.length === length) return assertion;
    assert.ok(assertion.length < length, 'no padding gives this length');
  }
}

test('the largest assertion is decoded once and checked once; with one character more it is not decoded', async (t) => {
  const validator = validatorOf([CLIENT]);
  const largest = await assertionOf(16_384);
  assert.equal(await outcome(validator, await signAssertion()), undefined, 'imports the key');
  const accepted = await workOf(t, async () => {
    assert.equal(await outcome(validator, largest), undefined);
  });
  const ordinary = await signAssertion();
  const usual = await workOf(t, async () => {
    assert.equal(await outcome(validator, ordinary), undefined);
  });
  assert.deepEqual(accepted, usual);
  assert.ok(accepted.parsed >= 1 && accepted.parsed <= 2, JSON.stringify(accepted));
  assert.ok(accepted.decoded >= 1 && accepted.decoded <= 3, JSON.stringify(accepted));
  assert.equal(accepted.verified, 1);
  const refused = await workOf(t, async () => {
    assert.equal(await outcome(validator, `${largest}A`), 'assertion_too_long');
  });
  assert.deepEqual(refused, NO_WORK);
});

test('a request object that is too long is not decoded either', async (t) => {
  const validate = (request: string) =>
    validateRequestObject({ request, client: CLIENT, issuer: ISSUER });
  const longest = await workOf(t, () =>
    assert.rejects(validate('a.b.'.padEnd(65_536, 'c')), { reason: 'assertion_malformed' }),
  );
  assert.ok(longest.decoded > 0);
  const refused = await workOf(t, () =>
    assert.rejects(validate('a.b.'.padEnd(65_537, 'c')), { reason: 'assertion_too_long' }),
  );
  assert.deepEqual(refused, NO_WORK);
});

for (const [depth, reason] of [
  [19, undefined],
  [20, 'assertion_malformed'],
  [3000, 'assertion_malformed'],
] as const) {
  test(`claims nested ${depth} deep: ${reason ?? 'accepted'}, without a check of the signature`, async (t) => {
    const secret = 'x'.repeat(32);
    const client = clientWith('client', [{ type: 'SharedSecret', value: secret }]);
    const now = Math.floor(Date.now() / 1000);
    const valid = { iss: 'client', sub: 'client', aud: ISSUER, exp: now + 60, jti: `${depth}` };
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const payload = `{"deep":${nested},${JSON.stringify(valid).slice(1)}`;
    const hmac = t.mock.method(crypto, 'createHmac');
    syncBuiltinESMExports();
    const assertion = rawJws({ alg: 'HS256' }, payload, hmacSigner('sha256', secret));
    const signing = hmac.mock.callCount();
    assert.equal(await outcome(validatorOf([client]), assertion), reason);
    assert.equal(hmac.mock.callCount() - signing, reason === undefined ? 1 : 0);
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

test('after a failure, at most eight expired secrets are imported, each once', async (t) => {
  const { publicJwk } = keyPair('ES256');
  const expired = Array.from(
    { length: 20 },
    (_, index): Secret => ({
      type: 'JsonWebKey',
      value: { ...publicJwk, kid: `${index}` } as { kty: string },
      expiration: 1,
    }),
  );
  const validator = validatorOf([clientWith('client', [...CLIENT.secrets, ...expired])]);
  const forged = await signAssertion('client', { pair: newKeyPair('ES256') });
  assert.equal(await outcome(validator, forged), 'signature_invalid');
  const { imported } = await workOf(t, async () => {
    assert.equal(await outcome(validator, forged), 'signature_invalid');
  });
  assert.equal(imported, 8);
});

test('a client_id of more than 2,048 characters is neither parsed as a URL nor fetched', async (t) => {
  const calls: string[] = [];
  const find = clientMetadataDocuments({
    fetch: (url) => {
      calls.push(url);
      return Promise.reject(new Error('away'));
    },
  });
  const prefix = 'https://client.example/';
  const fits = prefix.padEnd(2048, 'a');
  await Promise.resolve(find(fits, undefined)).catch(() => undefined);
  assert.deepEqual(calls, [fits]);
  const work = await workOf(t, async () => {
    const longer = [`${fits}a`, prefix.padEnd(15_000, 'a')];
    for (const clientId of longer) {
      await Promise.resolve(find(clientId, undefined)).catch(() => undefined);
    }
  });
  assert.equal(work.urls, 0);
  assert.deepEqual(calls, [fits]);
});

test('a set with more keys than maxKeys imports none; a set with maxKeys keys imports each once', async (t) => {
  const jwks = Array.from({ length: 51 }, (_, i) => newKeyPair('ES256', { kid: `${i}` }).publicJwk);
  const most = await workOf(t, () => importJwkSet({ keys: jwks.slice(1) }, 50));
  assert.equal(most.imported, 50);
  const refused = await workOf(t, () =>
    assert.throws(() => importJwkSet({ keys: jwks }, 50), /more than 50 keys/),
  );
  assert.deepEqual(refused, NO_WORK);
});

test('at most eight keys are tried for one signature', async (t) => {
  for (const [count, tries] of [
    [1, 1],
    [8, 8],
    [9, 8],
    [40, 8],
  ] as const) {
    const secrets: Secret[] = Array.from({ length: count }, () => jwkSecret(newKeyPair('ES256')));
    const validator = validatorOf([clientWith('client', secrets)]);
    const assertion = await signAssertion('client', { pair: keyPair('ES256') });
    const work = await workOf(t, async () => {
      assert.notEqual(await outcome(validator, assertion), undefined);
    });
    assert.equal(work.verified, tries, `${count} keys`);
  }
});

test('the event of the largest assertion is short, whatever its members are', async () => {
  const long = 'é\u202e\n'.repeat(1000);
  const list = Array.from({ length: 500 }, (_, i) => `${i}`);
  for (const claims of [
    { iss: long },
    { aud: long },
    { aud: list },
    { aud: { a: list } },
    { jti: long },
    { exp: long },
    { nbf: list },
  ]) {
    for (const header of [{}, { kid: long }, { typ: long }, { crit: list }, { x5t: list }]) {
      const events: AuthenticationEvent[] = [];
      const validator = validatorOf([CLIENT], { onAuthentication: (event) => events.push(event) });
      const assertion = await signAssertion('client', { claims, header }).catch(() => undefined);
      if (assertion === undefined) continue;
      await outcome(validator, assertion);
      const { length } = JSON.stringify(events);
      assert.ok(length < 6000, `${length} characters: ${JSON.stringify(events)}`);
    }
  }
});
