import assert from 'node:assert/strict';
import { signAssertion } from '../support/assertion.js';
import { browserTest } from '../support/chromium.js';
import { inspectorPage, press } from '../support/inspector-page.js';

browserTest('parts of the inspector have roles and names', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`);
  await inspectorPage(page).exchanges.first().waitFor();
  const tree = await page.locator('main').ariaSnapshot();
  for (const part of [
    'region "Assertion"',
    'heading "Assertion" [level=2]',
    'textbox "Paste an assertion, or the form of a request with an assertion"',
    'button "Load the last assertion"',
    'button "Check the signature" [disabled]',
    'region "Logins, request by request"',
    'heading "Logins, request by request" [level=2]',
    'combobox "Sequence"',
    'button "Reload"',
    'button "Send the last assertion again"',
    'listitem',
  ]) {
    assert.ok(tree.includes(`- ${part}`), `${part} is not in:\n${tree}`);
  }
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Inspector');
  assert.equal(await page.title(), 'Inspector');
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  const { assertion } = inspectorPage(page);
  const description = await assertion.getAttribute('aria-describedby');
  assert.match(
    (await page.locator(`#${description}`).textContent()) ?? '',
    /^The assertion stays in this page/,
  );
});

browserTest('the keyboard is enough', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`);
  const { verdict, news, exchanges } = inspectorPage(page);
  await exchanges.first().waitFor();
  const tab = async (expected: string) => {
    await page.keyboard.press('Tab');
    const focused = 'document.activeElement.id || document.activeElement.tagName';
    assert.equal(await page.evaluate(focused), expected);
  };
  for (const link of ['A', 'A', 'A']) await tab(link);
  await tab('assertion');
  await page.keyboard.insertText(await signAssertion('nobody'));
  await verdict.getByText('audience_mismatch').waitFor();
  await tab('SUMMARY');
  await tab('take-last');
  await tab('check-signature');
  await page.keyboard.press('Enter');
  await verdict.getByText('unknown_client').waitFor();
  for (const folded of ['SUMMARY', 'SUMMARY']) await tab(folded);
  await tab('sequence');
  await tab('reload');
  await page.keyboard.press('Space');
  await news.getByText('The list is up to date.').waitFor();
  await tab('send-again');
  await tab('SUMMARY');
  await page.keyboard.press('Enter');
  await page.getByRole('table', { name: 'Sent' }).waitFor();
});

browserTest('on a narrow screen nothing has to be scrolled sideways', async ({ demo, open }) => {
  const { page } = await open(`${demo.issuer}/inspector`, {
    viewport: { width: 320, height: 640 },
  });
  const { takeLast, checkSignature, exchanges } = inspectorPage(page);
  await press(takeLast);
  await press(checkSignature);
  await exchanges.first().click();
  await page.getByRole('table', { name: 'Sent' }).waitFor();
  assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320);
});
