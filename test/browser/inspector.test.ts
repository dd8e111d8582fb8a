import assert from 'node:assert/strict';
import { createPublicKey, randomUUID } from 'node:crypto';
import type { CheckReport } from '../../lib/assertion/explain-alone.js';
import {
  type AssertionClient,
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  type Explanation,
} from '../../lib/index.js';
import { assertionForm, seconds } from '../support/assertion.js';
import { browserTest } from '../support/chromium.js';
import type { Demo } from '../support/demo.js';
import { inspectorPage, press, shownChecks, valueInRow } from '../support/inspector-page.js';
import { type Part, rawJws, signer } from '../support/raw-jws.js';

const HEADER = { alg: 'ES256', typ: 'client-authentication+jwt' };

interface Pasted {
  readonly name: string;
  /** What differs from valid claims. */
  readonly claims?: Record<string, unknown>;
  /** What of the server the audience names besides others, by its path. */
  readonly endpoint?: string;
  readonly header?: Part;
  /** The payload itself, where it is more than other claims. */
  readonly payload?: Part;
  /** What is made of the assertion. */
  readonly text?: (assertion: string) => string;
}

const PASTED: readonly Pasted[] = [
  { name: 'a right one' },
  {
    name: 'one for the token endpoint among others',
    header: { alg: 'ES256' },
    claims: { aud: [] },
  },
  { name: 'another audience', claims: { aud: 'https://other.example' } },
  { name: 'an expired one', claims: { exp: 1_700_000_000, iat: 1_699_999_940 } },
  { name: 'one from the future', claims: { nbf: 4_000_000_000, iat: 4_000_000_000 } },
  { name: 'one that is valid for a year', claims: { exp: seconds() + 31_536_000 } },
  { name: 'an access token', header: { alg: 'ES256', typ: 'at+jwt' } },
  { name: 'one without a signature', header: { alg: 'none' } },
  { name: 'a critical header', header: { ...HEADER, crit: ['b64'], b64: false } },
  { name: 'a kid that is no string', header: { ...HEADER, kid: 5 } },
  { name: 'a kid that nobody knows', header: { ...HEADER, kid: 'unknown' } },
  { name: 'another sub', claims: { sub: 'another' } },
  { name: 'an iss that is no string', claims: { iss: 5, sub: 5 } },
  { name: 'a client that nobody knows', claims: { iss: 'unknown', sub: 'unknown' } },
  { name: 'no jti', claims: { jti: undefined } },
  { name: 'times that are texts', claims: { exp: 'soon', nbf: 'now', iat: '' } },
  { name: 'a request object', claims: { response_type: 'code' } },
  { name: 'claims that are no object', payload: '[1]' },
  { name: 'claims that are no JSON', payload: '{' },
  { name: 'claims with a byte order mark', payload: '\ufeff{}' },
  { name: 'claims that are not UTF-8', payload: Buffer.from('{"x":"\u00ff"}', 'latin1') },
  { name: 'a changed signature', text: (assertion) => `${assertion.slice(0, -6)}AAAAAA` },
  { name: 'padding', text: (assertion) => `${assertion}==` },
  { name: 'the standard alphabet', text: (assertion) => assertion.replace(/\.[^.]+$/, '.+/+/') },
  { name: 'bits beyond the last byte', text: (assertion) => assertion.replace(/\.[^.]+$/, '.AB') },
  { name: 'two segments', text: (assertion) => assertion.replace(/\.[^.]+$/, '') },
  { name: 'four segments', text: (assertion) => `${assertion}.AA` },
  { name: 'white space around it', text: (assertion) => `\n ${assertion}\r\n` },
  { name: 'white space in it', text: (assertion) => assertion.replace('.', '. ') },
  { name: 'text that is none', text: () => 'Bearer' },
];

function assertionOf({ issuer, machineKey }: Demo, pasted: Pasted): string {
  const { header = HEADER, claims = {}, endpoint, text = (assertion) => assertion } = pasted;
  const now = seconds();
  const valid = { iss: 'machine', sub: 'machine', aud: issuer, iat: now, exp: now + 60 };
  const audience = endpoint && { aud: ['https://other.example', issuer + endpoint] };
  const payload = pasted.payload ?? { ...valid, jti: randomUUID(), ...claims, ...audience };
  return text(rawJws(header, payload, signer('sha256', machineKey)));
}

/** What the library says of an assertion at the demo's token endpoint. */
function explain({ issuer, machineKey }: Demo, client_assertion: string): Promise<Explanation> {
  const pem = createPublicKey(machineKey).export({ type: 'spki', format: 'pem' });
  const machine: AssertionClient = {
    clientId: 'machine',
    tokenEndpointAuthMethod: 'private_key_jwt',
    secrets: [{ type: 'PublicKeyPem', value: String(pem) }],
  };
  const validator = new ClientAssertionValidator({}, (clientId) =>
    clientId === 'machine' ? machine : undefined,
  );
  const parameters = {
    client_assertion: client_assertion.trim(),
    client_assertion_type: CLIENT_ASSERTION_TYPE,
  };
  return validator.explain({ issuer, tokenEndpoint: `${issuer}/token`, parameters });
}

const withOutcome = (checks: readonly CheckReport[]) =>
  checks.map(({ check, outcome }) => [check, outcome] as const).sort();

/** What is left of a report where neither client nor keys are known. */
function withoutClient(checks: readonly CheckReport[]): CheckReport[] {
  const client = checks.findIndex(({ check }) => check === 'client');
  return checks.map(({ check, source, ...rest }, index) =>
    index < client ? { check, source, ...rest } : { check, source, outcome: 'skipped' },
  );
}

const reasonsOf = (checks: readonly CheckReport[]): string =>
  checks.flatMap(({ reason }) => reason ?? []).join(', ');

browserTest(
  'the page shows the same verdict as the library for each assertion',
  async ({ demo, open }) => {
    const { page, requests, problems } = await open(`${demo.issuer}/inspector`);
    const { assertion, checkSignature, verdict, exchanges } = inspectorPage(page);
    await exchanges.first().waitFor();
    const outcomes = new Set<string>();
    for (const pasted of PASTED) {
      const text = assertionOf(demo, pasted);
      const { accepted, claims, checks } = await explain(demo, text);
      const alone = withoutClient(checks);
      const before = requests.length;
      await assertion.fill(text);
      assert.deepEqual(await shownChecks(page), withOutcome(alone), pasted.name);
      const reasons = reasonsOf(alone);
      assert.equal(
        (await verdict.textContent())?.split('\n').at(-1),
        reasons === ''
          ? 'No problem so far. The client, its keys and the signature are not checked yet.'
          : `Reasons: ${reasons}.`,
      );
      assert.equal(requests.length, before, 'nothing leaves the page');
      assert.equal(await checkSignature.isEnabled(), claims !== undefined);
      if (claims === undefined) continue;

      await press(checkSignature);
      const said = accepted
        ? '✓ Accepted: every check passed, and the assertion was not used before.'
        : `Reasons: ${reasonsOf(checks)}.`;
      assert.equal((await verdict.textContent())?.split('\n').at(-1), said, pasted.name);
      assert.deepEqual(await shownChecks(page), withOutcome(checks), pasted.name);
      outcomes.add(said);
    }
    assert.ok(outcomes.size > 12);
    assert.deepEqual(problems, []);
  },
);

browserTest('header, claims and times are shown as they are', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`);
  const now = seconds();
  await page.clock.setFixedTime(now * 1000);
  const iat = now - 7200;
  const claims = { iat, nbf: iat, exp: iat + 60, extra: { nested: [1, null, 'text'] } };
  await inspectorPage(page).assertion.fill(assertionOf(demo, { name: '', claims }));
  const valueIn = (table: string, name: string) =>
    valueInRow(page.getByRole('table', { name: table }), name).textContent();
  assert.equal(await valueIn('Header', 'typ'), '"client-authentication+jwt"');
  assert.equal(await valueIn('Claims', 'exp'), String(iat + 60));
  assert.equal(await valueIn('Claims', 'extra'), '{"nested":[1,null,"text"]}');
  const date = (time: number) => new Date(time * 1000).toISOString().replace('T', ' ').slice(0, 19);
  assert.equal(await valueIn('Times', 'iat, nbf'), `${date(iat)} UTC (2 hours ago)`);
  assert.match((await valueIn('Times', 'exp')) ?? '', /^.{19} UTC \(119 minutes ago\)$/);
  const names = page.getByRole('table', { name: 'Times' }).getByRole('rowheader');
  assert.deepEqual(await names.allTextContents(), ['iat, nbf', 'exp', 'now']);
});

browserTest('the other parameters of a pasted form are checked too', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`);
  const { assertion, checkSignature, verdict } = inspectorPage(page);
  const form = assertionForm(assertionOf(demo, { name: '' }), { client_id: 'another' });
  const mismatch = /^✗ Refused: .*\nReasons: client_id_mismatch\.$/;
  await assertion.fill(form.toString());
  assert.match((await verdict.textContent()) ?? '', mismatch);
  await press(checkSignature);
  assert.match((await verdict.textContent()) ?? '', mismatch);
  assert.deepEqual(
    (await shownChecks(page)).filter(([, outcome]) => outcome !== 'passed'),
    [
      ['client_id parameter', 'failed'],
      ['replay', 'skipped'],
    ],
  );
  form.append('client_id', 'machine');
  await assertion.fill(form.toString());
  assert.match((await verdict.textContent()) ?? '', /Reasons: parameter_repeated\.$/);
});

browserTest('the last assertion that the demo sent can be loaded', async ({ demo, open }) => {
  const { page, problems } = await open(`${demo.issuer}/inspector`);
  const { assertion, takeLast, checkSignature, verdict } = inspectorPage(page);
  await press(takeLast);
  assert.match(await assertion.inputValue(), /^[\w-]+\.[\w-]+\.[\w-]+$/);
  const claims = page.getByRole('table', { name: 'Claims' });
  assert.equal(await valueInRow(claims, 'iss').textContent(), '"machine"');
  await press(checkSignature);
  assert.match(
    (await verdict.textContent()) ?? '',
    /^✗ Refused: .*used before.*\nReasons: replayed\.$/,
  );
  assert.deepEqual(problems, []);
});

browserTest('the answer comes first, in words', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`);
  const { assertion, verdict } = inspectorPage(page);
  await assertion.fill(assertionOf(demo, { name: '', claims: { aud: 'https://other.example' } }));
  const [answer] = (await verdict.textContent())?.split('\n') ?? [];
  assert.equal(
    answer,
    `✗ Refused: made for https://other.example, but this server is ${demo.issuer}.`,
  );
  assert.equal(await page.locator('#explanation .checks').first().locator('tbody tr').count(), 1);
});

browserTest('limits are shown in words, with their unit', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`);
  const { assertion, checkSignature, verdict } = inspectorPage(page);
  const iat = seconds() - 7200;
  const claims = { iat, exp: iat + 10_800 };
  await assertion.fill(assertionOf(demo, { name: '', claims }));
  await press(checkSignature);
  const failed = page.locator('#explanation .checks').first();
  const text = (check: string) => valueInRow(failed, check).last().textContent();
  assert.match(
    (await text('lifetime')) ?? '',
    /found 10,800 seconds \(3 hours\)expected at most 3,660 seconds \(61 minutes\)/,
  );
  const date = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC';
  assert.match(
    (await text('iat is not too old')) ?? '',
    new RegExp(`found ${iat} \\(${date}\\)expected not before ${date}`),
  );
  const [answer] = (await verdict.textContent())?.split('\n') ?? [];
  assert.match(answer ?? '', new RegExp(`found ${iat} \\(${date}\\), expected not before ${date}`));
});

browserTest(
  'an assertion is checked against a pasted key, and a private one stays in the page',
  async ({ demo, open }) => {
    const { page, requests } = await open(`${demo.issuer}/inspector`);
    const { assertion, checkSignature, verdict } = inspectorPage(page);
    await assertion.fill(assertionOf(demo, { name: '', claims: { iss: 'mine', sub: 'mine' } }));
    await page.getByText('Check against a key of your own').click();
    const key = page.getByLabel('A public key in PEM');
    const publicKey = createPublicKey(demo.machineKey);
    const jwk = publicKey.export({ format: 'jwk' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    for (const text of [pem, JSON.stringify(jwk), JSON.stringify({ keys: [jwk] })]) {
      await key.fill(text);
      await press(checkSignature);
      assert.match((await verdict.textContent()) ?? '', /^✓ Accepted/, text);
    }
    const before = requests.length;
    await key.fill(JSON.stringify(demo.machineKey.export({ format: 'jwk' })));
    await press(checkSignature);
    assert.match((await verdict.textContent()) ?? '', /^This is a private or shared key/);
    assert.equal(requests.length, before);
  },
);
