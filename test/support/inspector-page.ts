import type { Locator, Page } from 'playwright-core';

/** The parts of the inspector's page, by the names that a user knows them by. */
export const inspectorPage = (page: Page) => ({
  assertion: page.getByLabel('Paste an assertion'),
  takeLast: page.getByRole('button', { name: 'Load the last assertion' }),
  checkSignature: page.getByRole('button', { name: 'Check the signature' }),
  verdict: page.locator('#verdict'),
  sequence: page.getByLabel('Sequence'),
  reload: page.getByRole('button', { name: 'Reload' }),
  sendAgain: page.getByRole('button', { name: 'Send the last assertion again' }),
  news: page.locator('#news'),
  exchanges: page.locator('#exchanges > li > details > summary'),
});

/**
 * The value in the row of a table whose header starts with this word. Other rows may contain the
 * same letters by chance.
 */
export const valueInRow = (within: Locator | Page, name: string): Locator => {
  const pageOf = 'page' in within ? within.page() : within;
  const word = new RegExp(`^${name.replaceAll('\\', '\\\\')}(\\s|$)`);
  const header = pageOf.getByRole('rowheader', { name: word });
  return within.getByRole('row').filter({ has: header }).getByRole('cell');
};

/** Presses a button of the page, and waits until what it does is done. */
export async function press(button: Locator): Promise<void> {
  await button.click();
  await button.and(button.page().locator('[aria-busy="false"]')).waitFor();
}

/** In the page: what its table of checks says of the pasted assertion. */
const CHECKS = `Array.from(document.querySelectorAll('#explanation .checks tbody tr'), (row) => [
  row.querySelector('th').textContent,
  row.querySelector('.outcome').textContent.slice(2),
])`;

/** The checks that a page shows of the pasted assertion, each with its outcome, in no order. */
export const shownChecks = async (page: Page): Promise<[string, string][]> =>
  ((await page.evaluate(CHECKS)) as [string, string][]).sort();
