import { existsSync } from 'node:fs';
import { after, type TestContext, test } from 'node:test';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { type Demo, startDemo } from './demo.js';

const { CHROMIUM_PATH = '/usr/bin/chromium', REQUIRE_CHROMIUM } = process.env;

const ARGUMENTS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];

/** How long the browser may take for one step, in milliseconds. */
const TIMEOUT = 15_000;

/** A page, and what went on in it. */
export interface Tab {
  readonly page: Page;
  /** The requests that it made: method and URL. */
  readonly requests: readonly string[];
  /** What the console complained of, and errors of scripts. */
  readonly problems: readonly string[];
  /** Opens another page that shares its cookies. */
  openBeside(url: string): Promise<Tab>;
}

/** What a test in the browser is played on. */
export interface Stage {
  readonly demo: Demo;
  /** Opens a page in a browser without cookies. */
  open(url: string, options?: BrowserContextOptions): Promise<Tab>;
}

async function openIn(context: BrowserContext, url: string): Promise<Tab> {
  const page = await context.newPage();
  const requests: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => requests.push(`${request.method()} ${request.url()}`));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  await page.goto(url);
  return { page, requests, problems, openBeside: (other) => openIn(context, other) };
}

/** The demo and the browser, which the tests of a file share. */
let demo: Promise<Demo> | undefined;
let browser: Promise<Browser> | undefined;

after(async () => {
  await (await browser)?.close();
  await (await demo)?.stop();
});

/** Registers a test in a real Chromium with the demo beside it. */
export function browserTest(name: string, run: (stage: Stage) => Promise<void>): void {
  chromiumTest(name, async ({ open }) => {
    demo ??= startDemo();
    await run({ demo: await demo, open });
  });
}

/** Registers a test in a real Chromium. If there is none, the test is left out and says so. */
export function chromiumTest(
  name: string,
  run: (stage: Pick<Stage, 'open'>, t: TestContext) => Promise<void>,
): void {
  if (!existsSync(CHROMIUM_PATH)) {
    if (REQUIRE_CHROMIUM === '1') {
      throw new Error(`REQUIRE_CHROMIUM is 1, but there is no ${CHROMIUM_PATH}.`);
    }
    test(name, {
      skip: `there is no ${CHROMIUM_PATH}: install it, or set CHROMIUM_PATH`,
    }, () => {});
    return;
  }
  test(name, async (t) => {
    browser ??= chromium.launch({ executablePath: CHROMIUM_PATH, args: ARGUMENTS });
    const chrome = await browser;
    const open: Stage['open'] = async (url, options) => {
      const context = await chrome.newContext(options);
      context.setDefaultTimeout(TIMEOUT);
      t.after(() => context.close());
      return openIn(context, url);
    };
    await run({ open }, t);
  });
}
