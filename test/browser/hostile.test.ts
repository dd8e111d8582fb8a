import assert from 'node:assert/strict';
import { validClaims } from '../support/assertion.js';
import { browserTest } from '../support/chromium.js';
import { inspectorPage, press, valueInRow } from '../support/inspector-page.js';
import { rawAssertion } from '../support/raw-jws.js';

const HEADER = { alg: 'ES256' };

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

const claimsWith = (extra: string): string =>
  `${JSON.stringify(validClaims()).slice(0, -1)},"extra":${extra}}`;

interface Hostile {
  readonly name: string;
  readonly text: () => string;
  readonly verdict: RegExp;
}

const HOSTILE: readonly Hostile[] = [
  { name: 'a megabyte', text: () => 'A'.repeat(1_000_000), verdict: /: assertion_too_long\.$/ },
  { name: 'no text at all', text: () => '\0\u202e\ud800', verdict: /: assertion_malformed\.$/ },
  {
    name: 'JSON that is nested 10,000 times',
    text: () => rawAssertion(HEADER, claimsWith(nested(10_000))),
    verdict: /: assertion_too_long\.$/,
  },
  {
    name: 'JSON that is nested as often as the length allows',
    text: () => rawAssertion(HEADER, claimsWith(nested(5_900))),
    verdict: /: assertion_malformed\.$/,
  },
  {
    name: 'a header that is nested so',
    text: () => rawAssertion(`{"alg":${nested(5_900)}}`, {}),
    verdict: /: assertion_malformed\.$/,
  },
  {
    name: 'times beyond all calendars',
    text: () => rawAssertion(HEADER, '{"exp":1e308,"iat":-1e308,"nbf":8.64e12}'),
    verdict: /: issuer_invalid, /,
  },
  {
    name: 'names of every object',
    text: () =>
      rawAssertion('{"__proto__":1,"alg":"constructor"}', '{"toString":1,"__proto__":{}}'),
    verdict: /: algorithm_not_allowed, /,
  },
  {
    name: 'many claims',
    text: () =>
      rawAssertion(HEADER, Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, 0]))),
    verdict: /: issuer_invalid, /,
  },
  {
    name: 'a form with one parameter a thousand times',
    text: () => `client_assertion=&${'client_assertion_type=&'.repeat(1000)}`,
    verdict: /: parameter_repeated\.$/,
  },
];

browserTest('the page shows a verdict for any pasted text', async ({ demo, open }) => {
  const { page, problems } = await open(`${demo.issuer}/inspector`);
  const { assertion, checkSignature, verdict } = inspectorPage(page);
  for (const { name, text, verdict: expected } of HOSTILE) {
    await assertion.fill(text());
    assert.match((await verdict.textContent()) ?? '', expected, name);
    if (await checkSignature.isDisabled()) continue;
    await press(checkSignature);
    assert.match((await verdict.textContent()) ?? '', expected, `${name}, at the server`);
  }
  await assertion.fill('');
  assert.equal(await verdict.textContent(), '');
  assert.deepEqual(problems, []);
});

browserTest('HTML in an assertion is text, and no script runs', async ({ demo, open }) => {
  const { page, requests, problems } = await open(`${demo.issuer}/inspector`);
  const { assertion, exchanges } = inspectorPage(page);
  await exchanges.first().waitFor();
  const html = [
    '<img src="/inspector?image" onerror="window.ran = true">',
    '<script>window.ran = true</script>',
    '</code></td><iframe srcdoc="<script>parent.ran = true</script>"></iframe>',
    'javascript:window.ran = true',
  ];
  const claims = Object.fromEntries(html.map((text) => [text, text]));
  const before = requests.length;
  await assertion.fill(rawAssertion({ ...HEADER, kid: html[0] }, { ...validClaims(), ...claims }));
  for (const text of html) {
    const row = page
      .getByRole('table', { name: 'Claims' })
      .getByRole('row')
      .filter({ hasText: text });
    assert.equal(await row.getByRole('rowheader').textContent(), text);
    assert.equal(await row.getByRole('cell').textContent(), JSON.stringify(text));
  }
  assert.equal(await page.locator('img, iframe, body script, [onerror]').count(), 0);
  assert.equal(await page.evaluate('window.ran'), undefined);
  assert.equal(requests.length, before);
  assert.deepEqual(problems, []);
});

browserTest('characters that reorder a text are shown as their codes', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`);
  const { assertion } = inspectorPage(page);
  await assertion.fill(
    rawAssertion(HEADER, { ...validClaims(), 'extra\u202e': 'a\u202eb\u2028\u0007' }),
  );
  const claims = page.getByRole('table', { name: 'Claims' });
  assert.equal(await valueInRow(claims, 'extra\\u202e').textContent(), '"a\\u202eb\\u2028\\u0007"');
});

/** What a script would try that came into the page after all. */
const FORBIDDEN = {
  'HTML from a text': 'document.body.innerHTML = "<b>text</b>"',
  'a script from a text':
    'document.body.append(Object.assign(document.createElement("script"), { text: "window.ran = true" }))',
  'code from a text': 'setTimeout("window.ran = true")',
  'a request to another server': 'fetch("http://127.0.0.1:1/")',
  'an image':
    'new Promise((done, failed) => Object.assign(new Image(), { onload: done, onerror: failed, src: "/" }))',
};

browserTest('the Content-Security-Policy holds', async ({ demo, open }) => {
  const { page, problems } = await open(`${demo.issuer}/inspector`);
  for (const [what, script] of Object.entries(FORBIDDEN)) {
    const before = problems.length;
    await assert.rejects(page.evaluate(`(async () => { await (${script}) })()`), what);
    assert.match(problems.slice(before).join(), /Content Security Policy|Trusted/i, what);
  }
  assert.equal(await page.evaluate('window.ran'), undefined);
});
