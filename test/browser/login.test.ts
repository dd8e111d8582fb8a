import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { browserTest } from '../support/chromium.js';
import { inspectorPage, valueInRow } from '../support/inspector-page.js';

async function logIn(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('heading', { name: 'Hello, alice' }).waitFor();
}

/** The requests as far as the first login of a user makes them. */
const LOGIN = [
  'The browser sends the client’s request GET /authorize → 303 /login',
  'The user is asked to log in GET /login → 200',
  'The user logs in POST /login → 303 /consent',
  'The user is asked for consent GET /consent → 200',
];

const accepted = (line: string): string => `${line} ✓ assertion accepted`;

const oneLine = (texts: readonly string[]): string[] =>
  texts.map((text) => text.replace(/\s+/g, ' ').trim());

browserTest('a user logs in, refreshes and logs out', async ({ demo, open }) => {
  const { page, requests, problems, openBeside } = await open(demo.webLogin);
  await logIn(page);
  assert.equal(await valueInRow(page, 'iss').textContent(), demo.issuer);

  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('The tokens were refreshed.').waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByText('You are not logged in.').waitFor();
  assert.deepEqual(problems, []);

  const inspector = await openBeside(`${demo.issuer}/inspector`);
  const { exchanges } = inspectorPage(inspector.page);
  await exchanges.first().waitFor();
  assert.deepEqual(oneLine(await exchanges.allTextContents()), [
    ...LOGIN,
    `The user decides POST /consent → 200 ${demo.webLogin}/callback`,
    accepted('The client redeems the code POST /token → 200'),
    accepted('The client refreshes its tokens POST /token → 200'),
    accepted('The client revokes its tokens POST /revoke → 200'),
  ]);
  await exchanges.first().click();
  const claims = inspector.page.getByRole('table', { name: 'Request object: claims' });
  assert.equal(
    await valueInRow(claims, 'scope').textContent(),
    '"openid profile email offline_access"',
  );
  assert.equal(await valueInRow(claims, 'state').textContent(), 'hidden');

  const callback = new URL(
    requests.find((request) => request.includes('/callback?'))?.slice(4) ?? '',
  );
  const shown = await inspector.page.content();
  for (const name of ['code', 'state']) {
    const secret = callback.searchParams.get(name);
    assert.ok(secret !== null && secret.length > 20);
    assert.ok(!shown.includes(secret), name);
  }
  assert.deepEqual(inspector.problems, []);
});

browserTest('a replay is refused and explained', async ({ demo, open }) => {
  const { page, openBeside } = await open(demo.webLogin);
  await logIn(page);
  const inspector = await openBeside(`${demo.issuer}/inspector`);
  const { sendAgain, news, exchanges } = inspectorPage(inspector.page);
  await sendAgain.click();
  await exchanges.getByText('replayed').waitFor();
  assert.equal(
    await news.textContent(),
    'The client sees: 401 invalid_client, “Client authentication failed.”\n' +
      'The operator sees: replayed, “The assertion was used before.”',
  );
  assert.equal(
    oneLine(await exchanges.allTextContents()).at(-1),
    'The client sends an assertion again POST /token → 401 ✗ assertion refused: replayed',
  );
  const failed = inspector.page.getByRole('row', { name: /^✗ failed/ });
  assert.deepEqual(await failed.getByRole('cell').allTextContents(), [
    '✗ failed',
    'replayed: The assertion was used before.The assertion must not have been used before. RFC 7523 §3 (7)',
  ]);
  assert.equal(inspector.problems.length, 1, 'Chromium notes the 401');
  assert.match(inspector.problems[0] ?? '', /status of 401/);
});

browserTest(
  'two tabs can log in at the same time, and a login ends only in the session that started it',
  async ({ demo, open }) => {
    const first = await open(demo.webLogin);
    const second = await first.openBeside(demo.webLogin);
    await first.page.getByRole('link', { name: 'Log in' }).click();
    await logIn(second.page);
    // The session was renewed meanwhile, and with it what proves that a form belongs to it.
    await first.page.reload();
    await first.page.getByRole('button', { name: 'Log in' }).click();
    await first.page.getByRole('button', { name: 'Allow' }).click();
    await first.page.getByRole('heading', { name: 'Hello, alice' }).waitFor();

    const inspector = await first.openBeside(`${demo.issuer}/inspector`);
    const { sequence, exchanges } = inspectorPage(inspector.page);
    await exchanges.first().waitFor();
    const decisionAndCode = [
      `The user decides POST /consent → 200 ${demo.webLogin}/callback`,
      accepted('The client redeems the code POST /token → 200'),
    ];
    assert.deepEqual(oneLine(await exchanges.allTextContents()), [
      ...LOGIN.slice(0, 2),
      ...LOGIN.slice(1),
      // The second tab has a new session by now, in which the first login does not end.
      ...decisionAndCode.slice(0, 1),
    ]);
    await sequence.selectOption({ index: 1 });
    assert.deepEqual(oneLine(await exchanges.allTextContents()), [...LOGIN, ...decisionAndCode]);
  },
);
