import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCompactJws } from '../../lib/keys/compact-jws.js';
import { usedBytes } from '../support/garbage.js';

const segment = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

const jwsWith = (header: object, payload: object = {}) =>
  decodeCompactJws(`${segment(header)}.${segment(payload)}.AAAA`);

test('a header from the cache equals the decoded header, and cannot be changed', () => {
  const header = { alg: 'ES256', kid: 'a key' };
  const first = jwsWith(header)?.header as Record<string, unknown>;
  assert.throws(() => {
    first['alg'] = 'none';
  }, TypeError);
  assert.deepEqual(jwsWith(header)?.header, header);
});

test('in Node, a signature has the bytes of a Buffer', () => {
  assert.deepEqual(jwsWith({ alg: 'ES256' })?.signature, Buffer.alloc(3));
});

test('a header is decoded once, even if headers of other clients come between', () => {
  const decoded = (kid: string) => jwsWith({ alg: 'ES256', kid })?.header;
  const [first, second] = [decoded('first'), decoded('second')];
  assert.equal(decoded('first'), first);
  assert.equal(decoded('second'), second);
});

test('a header longer than 512 characters is decoded anew each time', () => {
  const empty = segment({ alg: 'ES256', kid: '' }).length;
  const ofLength = (length: number) => {
    const header = { alg: 'ES256', kid: 'x'.repeat(((length - empty) * 3) / 4) };
    assert.equal(segment(header).length, length);
    return () => jwsWith(header)?.header;
  };
  const [fits, long] = [ofLength(512), ofLength(516)];
  assert.equal(fits(), fits());
  assert.notEqual(long(), long());
  assert.deepEqual(long(), long());
});

test('a header with objects in it is decoded anew each time', () => {
  const header = { alg: 'ES256', jwk: { kty: 'EC' }, crit: ['exp'] };
  const first = jwsWith(header)?.header as { jwk: { kty: string } };
  first.jwk.kty = 'RSA';
  assert.deepEqual(jwsWith(header)?.header, header);
});

test('the header cache keeps no request in memory', async () => {
  const LENGTH = 50_000;
  const payload = segment({ padding: 'x'.repeat(LENGTH) });
  const decode = (number: number) =>
    decodeCompactJws(`${segment({ alg: 'ES256', kid: `${number}` })}.${payload}.AAAA`);
  for (let number = 0; number < 100; number += 1) decode(-number);
  const before = await usedBytes();
  for (let number = 0; number < 900; number += 1) assert.ok(decode(number));
  const kept = (await usedBytes()) - before;
  assert.ok(kept < (900 * LENGTH) / 10, `${kept} bytes`);
});

test('any number of headers takes no more memory than a thousand', async () => {
  const decodeMany = (from: number) => {
    for (let number = 0; number < 50_000; number += 1) {
      jwsWith({ alg: 'ES256', kid: `${from + number} ${'x'.repeat(200)}` });
    }
  };
  decodeMany(0);
  const before = await usedBytes();
  decodeMany(1e6);
  const kept = (await usedBytes()) - before;
  assert.ok(kept < 2_000_000, `${kept} bytes`);
});
