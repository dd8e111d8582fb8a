import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, mock, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { AssertionService, KeyRing, keyFiles, presets } from '../../../lib/client/index.js';
import type { KeyRingOptions } from '../../../lib/client/keys/key-ring.js';
import type { SigningKeyInput } from '../../../lib/client/keys/signing-key.js';
import { clientCertificate } from '../../support/certificate.js';
import { pem } from '../../support/key-forms.js';
import { keyPair, newKeyPair } from '../../support/keys.js';
import { keyService } from '../../support/remote-signer.js';

const ISSUER = 'https://as.example';
const MINUTE = 60_000;

const key = (kid: string): SigningKeyInput => ({ key: newKeyPair('ES256').privateKey, kid });

const [A, B, C] = [key('a'), key('b'), key('c')];

afterEach(() => mock.timers.reset());

/** The time of this process, in milliseconds, which moves only when it is set. */
function mockedTime() {
  mock.timers.reset();
  mock.timers.enable({ apis: ['Date'], now: Date.parse('2027-01-01T00:00:00Z') });
  return {
    get now() {
      return Date.now();
    },
    set now(time: number) {
      mock.timers.setTime(time);
    },
  };
}

/** A ring whose source and time the test sets. */
function ringOf(first: readonly SigningKeyInput[], options: Partial<KeyRingOptions> = {}) {
  const state = Object.assign(mockedTime(), { keys: first, loads: 0 });
  const ring = new KeyRing({
    keys: () => {
      state.loads += 1;
      return state.keys;
    },
    ...options,
  });
  const signedBy = async (exp = 0) =>
    decodeProtectedHeader(await ring.signJwt({ exp }, {})).kid as string;
  const published = async () => (await ring.publicJwks()).keys.map(({ kid }) => kid);
  return { ring, state, signedBy, published };
}

test('the first key signs, and all are published without their private parts', async () => {
  const { ring, signedBy, published } = ringOf([A, B]);
  assert.equal(await signedBy(), 'a');
  assert.deepEqual(await published(), ['a', 'b']);
  const { keys } = await ring.publicJwks();
  assert.deepEqual(Object.keys(keys[0] ?? {}).sort(), [
    'alg',
    'crv',
    'kid',
    'kty',
    'use',
    'x',
    'y',
  ]);
  assert.equal(ring.kid, 'a');
  assert.equal(ring.alg, 'ES256');
});

test('the signing key is known once the keys are loaded', async () => {
  const { ring } = ringOf([A, B]);
  assert.deepEqual([ring.kid, ring.alg, ring.publicJwk], [undefined, undefined, undefined]);
  const { keys } = await ring.publicJwks();
  assert.deepEqual([ring.kid, ring.alg, ring.publicJwk], ['a', 'ES256', keys[0]]);
});

test('a new key is published at once, and signs after every process has published it for publishBefore', async () => {
  const { state, signedBy, published } = ringOf([A], { publishBefore: 600, reloadEvery: 60 });
  assert.equal(await signedBy(), 'a');
  state.keys = [B];
  state.now += MINUTE;
  assert.deepEqual(await published(), ['a', 'b']);
  state.now += 10 * MINUTE;
  assert.equal(await signedBy(), 'a', 'another process may have seen it a minute later');
  state.now += MINUTE - 1000;
  assert.equal(await signedBy(), 'a');
  state.now += 1000;
  assert.equal(await signedBy(), 'b');
});

test('a process that was idle loads the keys before it signs', async () => {
  const { state, signedBy } = ringOf([A, B], { publishBefore: 600, reloadEvery: 60 });
  await signedBy();
  state.keys = [B];
  state.now += 120 * MINUTE;
  assert.equal(await signedBy(), 'b', 'the others have long left the former key');
});

test('if the key source hangs, the ring still signs, and asks again later', async (t) => {
  let isHanging = false;
  const ring = new KeyRing({
    keys: () => (isHanging ? new Promise(() => undefined) : [A]),
    reloadEvery: 0,
  });
  await ring.signJwt({}, {});
  isHanging = true;
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.now() });
  t.after(() => mock.timers.reset());
  const warned = once(process, 'warning');
  const published = ring.publicJwks();
  const signed = ring.signJwt({}, {});
  mock.timers.tick(10_000);
  assert.equal((await published).keys.length, 1);
  assert.ok(await signed);
  const [{ message }] = await warned;
  assert.match(message, /could not be reloaded \(DeadlineError\)/);
  isHanging = false;
  assert.ok(await ring.signJwt({}, {}));
});

test('a removed key stays published while it still signs', async () => {
  const { state, signedBy, published } = ringOf([A], { publishBefore: 3600, publishAfter: 0 });
  await published();
  state.keys = [B];
  state.now += MINUTE;
  await published();
  state.now += 30 * MINUTE;
  assert.deepEqual(await published(), ['a', 'b']);
  assert.equal(await signedBy(), 'a');
});

test('a published key signs as soon as it is first in the list', async () => {
  const { ring, state, signedBy } = ringOf([A, B], { publishBefore: 600 });
  assert.equal(await signedBy(), 'a');
  state.now += 11 * MINUTE;
  state.keys = [B, C];
  await ring.reload();
  assert.equal(await signedBy(), 'b');
});

test('a removed key stays published until the JWTs that it signed have expired', async () => {
  const { ring, state, signedBy, published } = ringOf([A], { publishBefore: 0, publishAfter: 0 });
  const hour = state.now / 1000 + 3600;
  await signedBy(hour);
  state.keys = [B];
  await ring.reload();
  assert.equal(await signedBy(), 'b');
  state.now = (hour + 59) * 1000;
  assert.deepEqual(await published(), ['a', 'b'], 'a server may be a minute behind');
  state.now += 1000;
  assert.deepEqual(await published(), ['b']);
});

test('a JWT without exp does not shorten that time', async () => {
  const { ring, state, signedBy, published } = ringOf([A], { publishBefore: 0, publishAfter: 0 });
  await signedBy(state.now / 1000 + 3600);
  await ring.signJwt({}, {});
  state.keys = [B];
  await ring.reload();
  await signedBy();
  assert.deepEqual(await published(), ['a', 'b']);
});

test('a removed key stays published for publishAfter, because other processes may still sign with it', async () => {
  const { ring, state, signedBy, published } = ringOf([A], {
    publishBefore: 0,
    publishAfter: 600,
  });
  await signedBy();
  state.keys = [B];
  await ring.reload();
  await signedBy();
  state.now += 10 * MINUTE - 1000;
  assert.deepEqual(await published(), ['a', 'b']);
  state.now += 1000;
  assert.deepEqual(await published(), ['b']);
});

test('the key source is asked only when the keys are used, at most once in reloadEvery', async () => {
  const { state, signedBy, published } = ringOf([A], { reloadEvery: 60 });
  await Promise.all([signedBy(), signedBy(), published()]);
  state.now += MINUTE - 1000;
  await published();
  assert.equal(state.loads, 1);
  state.now += 1000;
  await Promise.all([published(), published(), signedBy()]);
  assert.equal(state.loads, 2);
});

test('signing alone also asks the key source, without waiting for the answer', async () => {
  const { state, signedBy } = ringOf([A], { reloadEvery: 60, publishBefore: 0 });
  await signedBy();
  state.keys = [B];
  state.now += MINUTE;
  assert.equal(await signedBy(), 'a');
  await setImmediate();
  assert.equal(await signedBy(), 'b');
  assert.equal(state.loads, 2);
});

for (const [idle, signer] of [
  [179, 'a'],
  [180, 'b'],
] as const) {
  test(`after ${idle} s without use, ${signer === 'a' ? 'the known key signs at once' : 'the keys are loaded first'}`, async () => {
    const { state, signedBy } = ringOf([A], { reloadEvery: 60, publishBefore: 0 });
    await signedBy();
    state.keys = [B];
    state.now += idle * 1000;
    assert.equal(await signedBy(), signer);
  });
}

test('a key source that hangs at the first load is an error that names it', async (t) => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const ring = new KeyRing({ keys: () => new Promise(() => undefined) });
  const signed = ring.signJwt({}, {});
  mock.timers.tick(10_000);
  await assert.rejects(signed, {
    name: 'DeadlineError',
    message: /The function keys of a KeyRing/,
  });
});

/** A ring in which a new key may sign at once, and what happens if the server refuses keys. */
function refusingRing(keys: readonly SigningKeyInput[], options: Partial<KeyRingOptions> = {}) {
  const { ring, ...rest } = ringOf(keys, { publishBefore: 0, publishAfter: 3600, ...options });
  return { ring, ...rest, refuse: (kid: string) => ring._changeFrom(kid) };
}

test('a key that the server refused signs no more, until the source changes', async () => {
  const { ring, state, signedBy, refuse } = refusingRing([A, B]);
  assert.equal(await signedBy(), 'a');
  assert.equal(await refuse('a'), 'b');
  assert.equal(state.loads, 2, 'the keys are loaded anew first');
  assert.equal(ring.kid, 'b');
  state.now += 10 * MINUTE;
  await ring.reload();
  assert.equal(await signedBy(), 'b');
  state.keys = [A, B, C];
  await ring.reload();
  assert.equal(await signedBy(), 'a');
});

test('the keys of a list are tried too, in the order of the list', async () => {
  mockedTime();
  const ring = new KeyRing({ keys: [A, B, C], publishBefore: 0 });
  assert.equal(await ring._changeFrom('a'), 'b');
  assert.equal(await ring._changeFrom('b'), 'c');
  assert.equal(await ring._changeFrom('c'), undefined);
  assert.equal(ring.kid, 'c', 'the last one goes on');
});

test('each refused key is tried again after a minute', async () => {
  const { state, signedBy, refuse } = refusingRing([A, B]);
  await signedBy();
  assert.equal(await refuse('a'), 'b');
  state.now += MINUTE - 1000;
  assert.equal(await refuse('b'), undefined);
  assert.equal(await refuse('a'), undefined, 'b was refused a moment ago');
  state.now += MINUTE - 1000;
  assert.equal(await refuse('b'), undefined, 'a was refused a moment ago');
  state.now += 1000;
  assert.equal(await refuse('b'), 'a');
});

test('a change of the source forgets what was refused', async () => {
  const { state, signedBy, refuse } = refusingRing([A, B]);
  await signedBy();
  assert.equal(await refuse('a'), 'b');
  state.keys = [B, A];
  assert.equal(await refuse('b'), 'a');
});

test('if the clock is set back, a refused key is tried again', async () => {
  const { state, signedBy, refuse } = refusingRing([A, B]);
  await signedBy();
  assert.equal(await refuse('a'), 'b');
  state.now -= 30_000;
  assert.equal(await refuse('b'), 'a');
});

test('a late refusal of the former key leaves the new key in use', async () => {
  const { state, signedBy, refuse } = refusingRing([A, B, C]);
  await signedBy();
  assert.equal(await refuse('a'), 'b');
  assert.equal(await refuse('b'), 'c');
  assert.equal(await refuse('b'), 'c');
  state.now += 2 * MINUTE;
  assert.equal(await refuse('b'), 'c', 'a is no longer refused, and not needed');
  assert.equal(await signedBy(), 'c');
});

test('keys of the source are tried in its order, then those that are only published', async () => {
  const { state, signedBy, refuse } = refusingRing([A], { publishBefore: 600 });
  await signedBy();
  state.keys = [C, B];
  assert.equal(await refuse('a'), 'c');
  state.now += 2 * MINUTE;
  state.keys = [B, C];
  assert.equal(await refuse('c'), 'b');
  assert.equal(await refuse('b'), 'a', 'which is no longer in the source');
});

test('a refused key is no news before the first load: there is no key to change to', async () => {
  const { refuse } = refusingRing([]);
  await assert.rejects(refuse('a'), /The KeyRing has no keys/);
});

test('loading the same keys again changes nothing', async () => {
  const ring = new KeyRing({ keys: [A, B] });
  const before = await ring.publicJwks();
  await ring.reload();
  assert.deepEqual(await ring.publicJwks(), before);
});

test('if the key source fails, the ring keeps its keys, and asks again later', async () => {
  const { state, published, signedBy } = ringOf([A], { reloadEvery: 60 });
  await signedBy();
  Object.defineProperty(state, 'keys', {
    configurable: true,
    get: () => {
      throw new Error('the vault is sealed');
    },
  });
  state.now += MINUTE;
  assert.deepEqual(await published(), ['a']);
  assert.equal(await signedBy(), 'a');
  Object.defineProperty(state, 'keys', { value: [A, B] });
  state.now += MINUTE;
  assert.deepEqual(await published(), ['a', 'b']);
});

for (const [code, named] of [
  ['EVAULT', 'Error EVAULT'],
  [undefined, 'Error'],
]) {
  test(`a failing key source is a warning, ${named}, without the message of the source`, async () => {
    const { state, published } = ringOf([A], { reloadEvery: 60 });
    await published();
    Object.defineProperty(state, 'keys', {
      get: () => {
        throw Object.assign(new Error(`no key: ${pem(keyPair('ES256'))}`), { code });
      },
    });
    state.now += MINUTE;
    const warned = once(process, 'warning');
    assert.deepEqual(await published(), ['a']);
    const [{ message }] = await warned;
    assert.equal(
      message,
      `The keys of a KeyRing could not be reloaded (${named}): the ring keeps its old keys.`,
    );
  });
}

for (const [what, keys] of [
  ['a JWK Set', { keys: [] }],
  ['nothing', undefined],
] as const) {
  test(`a key source that returns ${what} is an error that says what to return`, async () => {
    const ring = new KeyRing({ keys: () => keys as never });
    await assert.rejects(ring.publicJwks(), {
      name: 'TypeError',
      message: 'keys must return a list of keys; of a JWK Set, give its keys',
    });
  });
}

test('if the first load fails, signing rejects, and the next JWT loads again', async () => {
  const { state, signedBy, published } = ringOf([]);
  await assert.rejects(signedBy(), /The KeyRing has no keys/);
  await assert.rejects(published(), /The KeyRing has no keys/);
  state.keys = [A];
  assert.equal(await signedBy(), 'a');
});

/** A folder with the files of a ring, and one that reads them. */
async function ringOfFiles(t: TestContext, names: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'key-ring-'));
  t.after(() => rm(folder, { recursive: true }));
  const [current, next] = [join(folder, 'current.pem'), join(folder, 'next.pem')];
  const make = (path: string) => writeFile(path, pem(newKeyPair('ES256')));
  for (const name of names) await make(join(folder, name));
  const state = mockedTime();
  const ring = new KeyRing({ keys: keyFiles([current, next]) });
  const signedBy = async () => decodeProtectedHeader(await ring.signJwt({}, {})).kid as string;
  const published = async () => (await ring.publicJwks()).keys.map(({ kid }) => kid as string);
  return { ring, current, next, make, state, signedBy, published };
}

test('keys are read from files, and read again when the files change', async (t) => {
  const { ring, current, next, make } = await ringOfFiles(t, ['current.pem', 'next.pem']);
  const before = (await ring.publicJwks()).keys.map(({ kid }) => kid);
  const eager = new KeyRing({ keys: keyFiles([current, next]), publishBefore: 0 });
  await eager.signJwt({}, {});
  assert.equal(eager.kid, before[0]);
  await rename(next, current);
  await make(next);
  await eager.reload();
  await eager.signJwt({}, {});
  assert.equal(eager.kid, before[1]);
  assert.equal((await eager.publicJwks()).keys.length, 3);
});

test('a rotation needs a new file and a move: next.pem may be absent', async (t) => {
  const { current, next, make, state, signedBy, published } = await ringOfFiles(t, ['current.pem']);
  const first = await signedBy();
  assert.deepEqual(await published(), [first]);

  await make(next);
  state.now += MINUTE;
  const [, second = ''] = await published();
  assert.equal(await signedBy(), first);

  state.now += 11 * MINUTE;
  await rename(next, current);
  assert.deepEqual(await published(), [first, second]);
  assert.equal(await signedBy(), second);
  state.now += 16 * MINUTE;
  assert.deepEqual(await published(), [second]);
});

test('the file of the signing key must exist', async (t) => {
  const { ring, current } = await ringOfFiles(t, ['next.pem']);
  await assert.rejects(ring.publicJwks(), (error: Error) => error.message.includes(current));
});

test('the error and the warning name a file that cannot be used', async (t) => {
  const { ring, next, state, published } = await ringOfFiles(t, ['current.pem', 'next.pem']);
  await published();
  await writeFile(next, 'nothing');
  await assert.rejects(ring.reload(), {
    name: 'TypeError',
    message: `The signing key cannot be used: the key is neither PEM nor the JSON of a JWK: give the content of the file. It is in ${next}.`,
  });
  state.now += MINUTE;
  const warned = once(process, 'warning');
  await published();
  const [{ message }] = await warned;
  assert.ok(message.includes(`(TypeError ${next}): the ring keeps its old keys.`), message);
});

test('the warning names a file that no longer exists', async (t) => {
  const { current, state, published } = await ringOfFiles(t, ['current.pem']);
  await published();
  await rm(current);
  state.now += MINUTE;
  const warned = once(process, 'warning');
  await published();
  const [{ message }] = await warned;
  assert.ok(message.includes(`(Error ENOENT ${current}): the ring keeps its old keys.`), message);
});

for (const [what, later] of [
  ['a certificate that was renewed is the one in the header', 'renewed'],
  ['a file that is read before its certificate is written keeps the last one', 'absent'],
] as const) {
  test(`${what} (RFC 7515 §4.1.8)`, async (t) => {
    const { ring, current, state } = await ringOfFiles(t, ['current.pem']);
    const pair = newKeyPair('RS256');
    const certificates = [await clientCertificate(pair), await clientCertificate(pair)];
    const [before, after] = certificates.map(({ der }) =>
      createHash('sha256').update(der).digest('base64url'),
    );
    assert.notEqual(before, after);
    const service = new AssertionService({
      ...presets.microsoftEntraId,
      clientId: 'client',
      issuer: ISSUER,
      audience: ISSUER,
      algorithms: ['RS256'],
      key: ring,
    });
    const header = async () => decodeProtectedHeader(await service.createClientToken());
    await writeFile(current, pem(pair) + certificates[0]?.pem);
    assert.equal((await header())['x5t#S256'], before);
    const { kid } = ring;
    await writeFile(current, pem(pair) + (later === 'renewed' ? certificates[1]?.pem : ''));
    state.now += MINUTE;
    await ring.publicJwks();
    assert.equal((await header())['x5t#S256'], later === 'renewed' ? after : before);
    assert.equal(ring.kid, kid);
  });
}

test('a key with an expired certificate causes one warning, however often it is loaded', async (t) => {
  const { ring, current } = await ringOfFiles(t, ['current.pem']);
  const pair = newKeyPair('ES256');
  const past = (days: number) => new Date(Date.parse('2020-01-01') + days * 86_400_000);
  const expired = await clientCertificate(pair, { notBefore: past(0), notAfter: past(9) });
  await writeFile(current, pem(pair) + expired.pem);
  const warnings: string[] = [];
  const note = ({ message }: Error) => warnings.push(message);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  for (let load = 0; load < 4; load += 1) {
    await ring.reload();
    await ring.signJwt({}, {});
  }
  await setImmediate();
  assert.equal(warnings.filter((message) => message.includes(ring.kid ?? '?')).length, 1);
});

for (const jump of [-60, -3600, -86_400]) {
  test(`a clock that is set back by ${-jump} s delays neither a reload nor a new key`, async () => {
    const { state, signedBy, published } = ringOf([A]);
    assert.equal(await signedBy(), 'a');
    state.keys = [A, B];
    state.now += MINUTE;
    assert.deepEqual(await published(), ['a', 'b']);
    state.keys = [B, A, C];
    state.now += jump * 1000;
    assert.deepEqual(await published(), ['a', 'b', 'c'], 'the keys are loaded at once');
    state.now += 11 * MINUTE;
    await published();
    assert.equal(await signedBy(), 'b');
    assert.ok(state.loads < 6, 'a clock that was set back makes no storm of loads');
  });
}

test('the keys of a list stay the same, whatever the clock does', async () => {
  const time = mockedTime();
  const ring = new KeyRing({ keys: [A, B] });
  time.now -= 60 * MINUTE;
  assert.equal(decodeProtectedHeader(await ring.signJwt({}, {})).kid, 'a');
  assert.equal((await ring.publicJwks()).keys.length, 2);
});

test('keys from files get the algorithms of the ring', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'key-ring-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'current.pem');
  await writeFile(file, pem(keyPair('RS256')));
  const keys = keyFiles([pathToFileURL(file)]);
  const ring = new KeyRing({ keys, algorithms: ['PS256'] });
  await ring.reload();
  assert.equal(ring.alg, 'PS256');
  await assert.rejects(new KeyRing({ keys, algorithms: ['ES256'] }).reload(), (error: Error) =>
    error.message.endsWith(`but the server accepts ES256. It is in ${file}.`),
  );
});

test('an AssertionService signs with the current key of the ring', async () => {
  const ring = new KeyRing({ keys: [A, B] });
  const service = new AssertionService({ clientId: 'client', key: ring, issuer: ISSUER });
  const jwks = createLocalJWKSet(
    (await ring.publicJwks()) as Parameters<typeof createLocalJWKSet>[0],
  );
  const { protectedHeader } = await jwtVerify(await service.createClientToken(), jwks);
  assert.equal(protectedHeader.kid, 'a');
});

test('the algorithms that the server accepts choose the alg of the ring, and are checked', async () => {
  const { privateKey } = newKeyPair('PS256');
  const demands = { algorithms: ['PS256'] } as const;
  const token = (ring: KeyRing) =>
    new AssertionService({ clientId: 'client', key: ring, issuer: ISSUER, ...demands })
      .createClientToken()
      .then(decodeProtectedHeader);
  const { alg } = await token(new KeyRing({ keys: [privateKey], ...demands }));
  assert.equal(alg, 'PS256');
  const message =
    'The KeyRing signs with RS256, but the server accepts PS256: make the KeyRing with the same algorithms';
  const loaded = new KeyRing({ keys: [privateKey] });
  assert.throws(
    () => new AssertionService({ clientId: 'client', key: loaded, algorithms: ['PS256', 'ES256'] }),
    /the server accepts PS256 or ES256: make/,
  );
  assert.throws(() => token(loaded), { name: 'TypeError', message });
  const notYetLoaded = new KeyRing({ keys: () => [privateKey] });
  await assert.rejects(token(notYetLoaded), { name: 'TypeError', message });
});

test('a ring can contain a remote signer, if its public key is known', async () => {
  const { publicJwk } = keyPair('ES256');
  const signer = keyService('ES256');
  assert.throws(() => new KeyRing({ keys: [signer] }), /remote of the KeyRing cannot be published/);
  const ring = new KeyRing({ keys: [{ ...signer, publicJwk }] });
  const [published] = (await ring.publicJwks()).keys;
  assert.deepEqual(published, { ...publicJwk, kid: 'remote', alg: 'ES256', use: 'sig' });
});

const oct = { kty: 'oct', k: 'A'.repeat(43), kid: 'shared' };
const privateJwk = { ...newKeyPair('ES256').publicJwk, d: 'AAAA' };

const wrongOptions: readonly [string, KeyRingOptions, RegExp][] = [
  ['no list of keys', { keys: 'client.pem' as never }, /keys must be a list of keys/],
  ['no options', undefined as never, /keys must be a list of keys/],
  ['an empty list', { keys: [] }, /The KeyRing has no keys/],
  ['algorithms that are no list', { keys: [A], algorithms: 'PS256' as never }, /must be a list/],
  [
    'milliseconds',
    { keys: [A], publishBefore: 600_000 },
    /publishBefore must be a number of seconds, at least 0 and at most 86400/,
  ],
  ['milliseconds of publishAfter', { keys: [A], publishAfter: 600_000 }, /at most 86400/],
  ['milliseconds of reloadEvery', { keys: () => [A], reloadEvery: 60_000 }, /at most 3600/],
  [
    'a negative time',
    { keys: [A], publishBefore: -1 },
    /publishBefore must be a number of seconds/,
  ],
  ['an infinite time', { keys: [A], publishAfter: Infinity }, /publishAfter must be a number/],
  ['a time that is no number', { keys: () => [A], reloadEvery: Number.NaN }, /reloadEvery must be/],
  ['a key without kid', { keys: [{ key: newKeyPair('ES256').privateKey, kid: false }] }, /no kid/],
  [
    'a symmetric key',
    { keys: [oct] },
    /shared of the KeyRing cannot be published: it is symmetric/,
  ],
  ['two keys with one kid', { keys: [A, key('a')] }, /Two keys of the KeyRing have the kid a/],
  [
    'a private key where its public half belongs',
    { keys: [{ ...keyService('ES256'), publicJwk: privateJwk }] },
    /publicJwk is wrong: the JWK holds a private key \(member d\)/,
  ],
];

for (const [name, options, message] of wrongOptions) {
  test(`a KeyRing cannot be made of ${name}`, () => {
    assert.throws(() => new KeyRing(options), { name: 'TypeError', message });
  });
}
