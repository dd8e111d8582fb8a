import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { assertionForm, ISSUER, signAssertion, validClaims } from '../../support/assertion.js';
import { CLIENT, REFUSAL } from '../../support/attacks.js';
import { oauthAnswer } from '../../support/oauth-answer.js';
import { claimsText, rawAssertion } from '../../support/raw-jws.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';

const MEGABYTE = 1_000_000;
const DEEP = 20_000;

/** How much time of the processor one of them may cost, with the whole request, in microseconds. */
const BUSY = 2_000_000;

const nested = (open: string, close: string): string => open.repeat(DEEP) + close.repeat(DEEP);
const members = (count: number): string =>
  Array.from({ length: count }, (_, index) => `"m${index}":${index}`).join(',');

const forged = (header: string | object, payload: string | object): string =>
  rawAssertion(header, payload, () => Buffer.alloc(64));

const withClaims = (text: string, without: readonly string[] = []): string =>
  forged({ alg: 'ES256' }, claimsText(text, without));

const withHeader = (text: string): string => forged(`{"alg":"ES256",${text}}`, validClaims());

const SHAPES: Readonly<Record<string, () => string>> = {
  'a claim of arrays nested 20,000 deep': () => withClaims(`"x":${nested('[', ']')}`),
  'a claim of objects nested 20,000 deep': () =>
    withClaims(`"x":${'{"x":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`),
  'aud nested 20,000 deep': () => withClaims(`"aud":${nested('[', ']')}`, ['aud']),
  'sub nested 20,000 deep': () => withClaims(`"sub":${nested('[', ']')}`, ['sub']),
  'exp nested 20,000 deep': () => withClaims(`"exp":${nested('[', ']')}`, ['exp']),
  'crit nested 20,000 deep': () => withHeader(`"crit":${nested('[', ']')}`),
  'jwk nested 20,000 deep': () => withHeader(`"jwk":${nested('[', ']')}`),
  '20,000 brackets that nobody closes': () => forged('['.repeat(DEEP), '['.repeat(DEEP)),
  '100,000 claims': () => withClaims(members(100_000)),
  '100,000 members of the header': () => withHeader(members(100_000)),
  '100,000 audiences': () =>
    withClaims(`"aud":${JSON.stringify(Array(100_000).fill('https://x.example'))}`, ['aud']),
  '100,000 audiences of which the last is right': () =>
    withClaims(`"aud":${JSON.stringify([...Array(100_000).fill('https://x.example'), ISSUER])}`, [
      'aud',
    ]),
  '100,000 certificates': () => withHeader(`"x5c":${JSON.stringify(Array(100_000).fill('MIIB'))}`),
  'a megabyte in iss': () => withClaims(`"iss":"${'x'.repeat(MEGABYTE)}"`, ['iss']),
  'a megabyte in jti': () => withClaims(`"jti":"${'x'.repeat(MEGABYTE)}"`, ['jti']),
  'a megabyte in kid': () => withHeader(`"kid":"${'x'.repeat(MEGABYTE)}"`),
  'a megabyte in alg': () => forged({ alg: 'x'.repeat(MEGABYTE) }, validClaims()),
  'a megabyte in typ': () => withHeader(`"typ":"${'x'.repeat(MEGABYTE)}"`),
  'a megabyte of digits in exp': () => withClaims(`"exp":${'9'.repeat(MEGABYTE)}`, ['exp']),
  'a megabyte of signature': () =>
    rawAssertion({ alg: 'ES256' }, validClaims(), () => Buffer.alloc(MEGABYTE)),
  'a megabyte of control characters': () => withHeader(`"typ":"${'\\u0000'.repeat(MEGABYTE / 6)}"`),
  'a megabyte of dots': () => '.'.repeat(MEGABYTE),
  'a megabyte of base64url without a dot': () => 'a'.repeat(MEGABYTE),
  'a megabyte of base64url and one wrong letter': () => `${'a'.repeat(MEGABYTE)}!.a.a`,
  'a megabyte of what looks like the start of a JWT': () =>
    withHeader(`"typ":"${'eyJhbGciOiJub25l'.repeat(MEGABYTE / 16)}"`),
  'a megabyte of blanks around a JSON object': () =>
    forged(`${' '.repeat(MEGABYTE)}{"alg":"ES256"}`, validClaims()),
};

const PARSERS = [express.urlencoded({ extended: false, limit: '16mb' })];

const LIMITS = {
  'within the limit of length': { maxAssertionLength: 16_000_000 },
  'beyond the limit of length': {},
};

for (const [limit, options] of Object.entries(LIMITS)) {
  for (const [name, assertion] of Object.entries(SHAPES)) {
    test(`${name}, ${limit}: refused without an error or a stall`, async (t) => {
      const endpoint = await tokenEndpoint([CLIENT], options, { parsers: PARSERS });
      t.after(() => endpoint.close());
      const form = assertionForm(assertion()).toString();
      const before = process.cpuUsage();
      const { headers, ...answer } = await oauthAnswer(await endpoint.post(form));
      const { user, system } = process.cpuUsage(before);
      assert.deepEqual(answer, REFUSAL);
      assert.ok(user + system < BUSY, `it took ${user + system} µs`);
      assert.ok(JSON.stringify(endpoint.events).length < 5000);
      assert.equal((await endpoint.post(assertionForm(await signAssertion()))).status, 200);
    });
  }
}

test('the body parser refuses a form that is too large', async (t) => {
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => endpoint.close());
  const long = assertionForm('a'.repeat(MEGABYTE)).toString();
  assert.equal((await oauthAnswer(await endpoint.post(long))).status, 413);
  const many = `${assertionForm('a')}${'&x=y'.repeat(5000)}`;
  assert.equal((await oauthAnswer(await endpoint.post(many))).status, 413);
  assert.deepEqual(endpoint.errors, []);
});

for (const [depth, status] of [
  [19, 200],
  [1000, 401],
] as const) {
  test(`a right assertion with a claim nested ${depth} deep is answered with ${status}`, async (t) => {
    const endpoint = await tokenEndpoint([CLIENT]);
    t.after(() => endpoint.close());
    const claims = `"x":${'['.repeat(depth)}${']'.repeat(depth)}`;
    const assertion = rawAssertion({ alg: 'ES256' }, claimsText(claims));
    assert.equal((await endpoint.post(assertionForm(assertion))).status, status);
  });
}
