import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  type AuthenticationEvent,
  ClientAssertionValidator,
  type Reason,
  type Secret,
} from '../../lib/index.js';
import { KeyCache } from '../../lib/keys/key-cache.js';
import type { KeySecret } from '../../lib/keys/secret.js';
import { signAssertion } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { outcome } from '../support/validator.js';

const A = newKeyPair('ES256');
const B = newKeyPair('ES256');
const STRANGER = newKeyPair('ES256');
const OTHERS = Array.from({ length: 10 }, () => newKeyPair('ES256'));

const jwk = ({ publicJwk }: KeyPair, kid: string | undefined): Secret => ({
  type: 'JsonWebKey',
  value: { ...publicJwk, ...(kid !== undefined && { kid }) },
});

/** A client with ten secrets and those that a test adds, who has used the key A as `a` before. */
async function clientOfMany() {
  const secrets: Secret[] = OTHERS.map((pair, index) => jwk(pair, String(index)));
  secrets.push(jwk(A, 'a'));
  const events: AuthenticationEvent[] = [];
  const client = { clientId: 'client', secrets: secrets as readonly Secret[] };
  const validator = new ClientAssertionValidator(
    { onAuthentication: (event) => events.push(event) },
    () => client,
  );
  const authenticate = async (pair: KeyPair, kid = 'a') =>
    outcome(validator, await signAssertion('client', { pair, header: { kid } }));
  assert.equal(await authenticate(A), undefined);
  return { client, secrets, events, authenticate };
}

type Many = Awaited<ReturnType<typeof clientOfMany>>;

/** What becomes of the secrets once the key of a kid is known, and of the next assertion. */
const CHANGES: Readonly<
  Record<string, readonly [(many: Many) => void, KeyPair, Reason | undefined]>
> = {
  'it stays': [() => {}, A, undefined],
  'another key signs': [() => {}, B, 'signature_invalid'],
  'it is removed in place': [({ secrets }) => secrets.pop(), A, 'signature_invalid'],
  'it moves in place': [({ secrets }) => secrets.reverse(), A, undefined],
  'it is exchanged in place': [
    ({ secrets }) => secrets.splice(-1, 1, jwk(B, 'a')),
    A,
    'signature_invalid',
  ],
  'its value is changed in place': [
    ({ secrets }) => Object.assign((secrets.at(-1) as KeySecret).value, B.publicJwk),
    A,
    'signature_invalid',
  ],
  'its kid is changed in place': [
    ({ secrets }) => Object.assign((secrets.at(-1) as KeySecret).value, { kid: 'b' }),
    A,
    undefined,
  ],
  'it loses its kid, which another secret takes': [
    ({ secrets }) => {
      Object.assign((secrets.at(-1) as KeySecret).value, { kid: undefined });
      secrets.push(jwk(B, 'a'));
    },
    A,
    undefined,
  ],
  'a second key comes with the same kid': [
    ({ secrets }) => secrets.push(jwk(B, 'a')),
    B,
    undefined,
  ],
  'it expires': [
    ({ secrets }) => Object.assign(secrets.at(-1) as Secret, { expiration: new Date(0) }),
    A,
    'secret_expired',
  ],
  'the client has other secrets': [
    ({ client, secrets }) => {
      client.secrets = secrets.slice(0, -1);
    },
    A,
    'signature_invalid',
  ],
};

for (const [name, [change, pair, reason]] of Object.entries(CHANGES)) {
  test(`the key of a kid is cached, then ${name} (${reason ?? 'accepted'})`, async () => {
    const many = await clientOfMany();
    change(many);
    assert.equal(await many.authenticate(pair), reason);
    assert.equal(await many.authenticate(pair), reason);
  });
}

test('the key of a kid is cached, then its kid moves to another secret with the same key', async () => {
  const { secrets, events, authenticate } = await clientOfMany();
  Object.assign((secrets.at(-1) as KeySecret).value, { kid: 'b' });
  secrets.push(jwk(A, 'a'));
  assert.equal(await authenticate(A), undefined);
  assert.deepEqual([events.at(-1)?.keyId, events.at(-1)?.warnings], ['a', []]);
});

test('two kids of one client are cached at the same time', async () => {
  const { secrets, authenticate } = await clientOfMany();
  secrets.push(jwk(B, 'b'));
  for (let round = 0; round < 2; round += 1) {
    assert.equal(await authenticate(B, 'b'), undefined);
    assert.equal(await authenticate(A, 'a'), undefined);
  }
  assert.equal(await authenticate(A, 'b'), undefined, 'a kid is a hint');
  assert.equal(await authenticate(STRANGER, 'b'), 'signature_invalid');
});

test('a secret that cannot be used is reported every time', async () => {
  const { client, secrets, events, authenticate } = await clientOfMany();
  client.secrets = [...secrets, { type: 'SharedSecret', value: 'short' }];
  for (let round = 0; round < 3; round += 1) {
    assert.equal(await authenticate(A), undefined);
    assert.deepEqual(
      events.at(-1)?.warnings.map(({ code }) => code),
      ['secret_refused'],
    );
  }
});

test('the key of a kid is cached, then it becomes unusable: the event says so once', async () => {
  const { secrets, events, authenticate } = await clientOfMany();
  Object.assign((secrets.at(-1) as KeySecret).value, { x: 'AA' });
  for (let round = 0; round < 2; round += 1) {
    assert.equal(await authenticate(A), 'signature_invalid');
    assert.deepEqual(
      events.at(-1)?.warnings.map(({ code }) => code),
      ['secret_refused'],
    );
  }
});

test('the keys of a kid in a cached set get eight tries', async () => {
  const { secrets, authenticate } = await clientOfMany();
  const set = { keys: [{ ...A.publicJwk, kid: 'set' }] };
  secrets.push({ type: 'JsonWebKeySet', value: set });
  assert.equal(await authenticate(A, 'set'), undefined);
  const others = Array.from({ length: 8 }, () => newKeyPair('ES256').publicJwk);
  set.keys = [...others, A.publicJwk].map((key) => ({ ...key, kid: 'set' }));
  assert.equal(await authenticate(STRANGER, 'set'), 'signature_invalid');
});

/** Secrets that note who is looked at. */
const watched = (secrets: readonly Secret[], seen: number[]): readonly Secret[] =>
  secrets.map((secret, index) =>
    Object.defineProperty({ ...secret }, 'expiration', {
      get() {
        seen.push(index);
        return undefined;
      },
    }),
  );

for (const { count, effect, first, again } of [
  { count: 5, effect: 'its secret alone is looked at', first: [0, 1, 2, 3, 4], again: [4] },
  { count: 4, effect: 'all of a few are looked at', first: [0, 1, 2, 3], again: [0, 1, 2, 3] },
]) {
  test(`once the key of a kid is cached, of ${count} secrets ${effect}`, async () => {
    const seen: number[] = [];
    const others = OTHERS.slice(0, count - 1).map((pair, index) => jwk(pair, String(index)));
    const secrets = watched([...others, jwk(A, 'a')], seen);
    const validator = new ClientAssertionValidator({}, (clientId) => ({ clientId, secrets }));
    for (const expected of [first, again, again]) {
      seen.length = 0;
      const assertion = await signAssertion('client', { pair: A, header: { kid: 'a' } });
      assert.equal(await outcome(validator, assertion), undefined);
      assert.deepEqual([...new Set(seen)], expected);
    }
  });
}

test('once the key of a thumbprint is cached, its secret alone is looked at (RFC 7515 §4.1.7)', async () => {
  const { base64, der } = await clientCertificate(A, {
    notAfter: new Date(Date.now() + 100 * 86_400_000),
  });
  const thumbprint = (hash: string) => createHash(hash).update(der).digest('base64url');
  for (const header of [{ x5t: thumbprint('sha1') }, { 'x5t#S256': thumbprint('sha256') }]) {
    const seen: number[] = [];
    const others = OTHERS.slice(0, 4).map((pair) => jwk(pair, undefined));
    const secrets = watched([...others, { type: 'X509CertificateBase64', value: base64 }], seen);
    const validator = new ClientAssertionValidator({}, (clientId) => ({ clientId, secrets }));
    for (const expected of [[0, 1, 2, 3, 4], [4]]) {
      seen.length = 0;
      const assertion = await signAssertion('client', { pair: A, header });
      assert.equal(await outcome(validator, assertion), undefined);
      assert.deepEqual([...new Set(seen)], expected);
    }
  }
});

test('if the header or the key has no kid, nothing is cached by kid', async () => {
  for (const [kid, header] of [
    ['a', {}],
    [undefined, { kid: 'a' }],
  ] as const) {
    const seen: number[] = [];
    const others = OTHERS.slice(0, 5).map((pair) => jwk(pair, undefined));
    const secrets = watched([...others, jwk(A, kid)], seen);
    const validator = new ClientAssertionValidator({}, (clientId) => ({ clientId, secrets }));
    for (let round = 0; round < 2; round += 1) {
      seen.length = 0;
      const assertion = await signAssertion('client', { pair: A, header });
      assert.equal(await outcome(validator, assertion), undefined);
      assert.deepEqual([...new Set(seen)], [0, 1, 2, 3, 4, 5]);
    }
  }
});

test('no more kids are cached than there are secrets, and secrets may move in the list', () => {
  const cache = new KeyCache();
  const secrets = [jwk(A, 'a'), jwk(B, 'b')];
  const [first, second] = secrets as [Secret, Secret];
  cache.noteSigner(secrets, 'one', first);
  cache.noteSigner(secrets, 'two', first);
  cache.noteSigner(secrets, 'three', second);
  cache.noteSigner(secrets, 'two', second);
  assert.equal(cache.lastSigner(secrets, 'one'), first);
  assert.equal(cache.lastSigner(secrets, 'two'), second);
  assert.equal(cache.lastSigner(secrets, 'three'), undefined);
  assert.equal(cache.lastSigner([...secrets], 'one'), undefined);
});
