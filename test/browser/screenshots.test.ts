import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { seconds, validClaims } from '../support/assertion.js';
import { browserTest } from '../support/chromium.js';
import type { Demo } from '../support/demo.js';
import { ROOT } from '../support/docs.js';
import { inspectorPage, press } from '../support/inspector-page.js';
import { rawJws, signer } from '../support/raw-jws.js';

/** In bytes: everybody who reads the README loads them. */
const MAX_SIZE = 150_000;

/** Takes a picture for the README, which `npm run screenshots` keeps. */
async function takePicture(page: Page, name: string): Promise<void> {
  const isKept = process.env['SCREENSHOTS'] === '1';
  const path = join(ROOT, 'docs', 'images', `${name}.png`);
  const picture = await page.screenshot(isKept ? { path } : {});
  assert.ok(picture.length > 10_000);
  if (isKept) assert.ok(picture.length < MAX_SIZE, `${name} has ${picture.length} bytes`);
}

/** As clients have it that were set up for another server, by an SDK that signs for two hours. */
function wrongAssertion({ machineKey }: Demo): string {
  const now = seconds();
  const claims = { ...validClaims('machine'), iat: now - 120, exp: now + 7080 };
  return rawJws({ alg: 'ES256', typ: 'JWT' }, claims, signer('sha256', machineKey));
}

browserTest('the pictures of the README show the inspector', async ({ demo, open }) => {
  const { page, openBeside } = await open(demo.webLogin, {
    viewport: { width: 1280, height: 960 },
    deviceScaleFactor: 0.8,
    colorScheme: 'light',
  });
  await page.getByRole('link', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('The tokens were refreshed.').waitFor();

  const { page: inspector } = await openBeside(`${demo.issuer}/inspector`);
  const { assertion, checkSignature, verdict, sendAgain, news } = inspectorPage(inspector);
  await assertion.fill(wrongAssertion(demo));
  await press(checkSignature);
  assert.match((await verdict.textContent()) ?? '', /audience_mismatch, lifetime_too_long/);
  await takePicture(inspector, 'inspector');
  await press(sendAgain);
  assert.match((await news.textContent()) ?? '', /replayed/);
  await inspector.evaluate('document.querySelector("section:last-child").scrollIntoView()');
  await takePicture(inspector, 'replay');
});
