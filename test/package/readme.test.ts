import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { newBrowser } from '../support/browser.js';
import { runProcess, temporaryFolder } from '../support/cli.js';
import { codeOf, inlineCodeOf, textOf } from '../support/docs.js';
import { freePort } from '../support/free-port.js';
import { developedWith, npm, pack } from '../support/packed.js';
import { startProgram } from '../support/program.js';

// What a reader of the README does: an empty folder, the packed package, each block of code as it
// stands. Only the ports are others, so that nothing that runs here is disturbed.

const README = 'README.md';
const LOGIN_GUIDE = 'docs/login.md';

let ports: { token: number; web: number };
before(async () => {
  ports = { token: await freePort(), web: await freePort() };
});

const atOurPorts = (text: string): string =>
  text.replaceAll('3000', String(ports.token)).replaceAll('3001', String(ports.web));

async function shell(folder: string, command: string): Promise<void> {
  const { exitCode, stdout, stderr } = await runProcess('sh', ['-c', command], { cwd: folder });
  assert.equal(exitCode, 0, `${command}\n${stdout}${stderr}`);
}

/** Runs `npm install …` of a document: the tarball for this package, known versions of the others. */
function install(folder: string, tarball: string, command: string): Promise<string> {
  const [, , ...names] = command.split(' ');
  const isOurs = (name: string) => name === packageJson.name;
  const packages = names.map((name) => (isOurs(name) ? tarball : developedWith(name)));
  return npm(folder, 'install', '--prefer-offline', '--no-audit', '--no-fund', ...packages);
}

/** The blocks of the README, each with the name that the text above says to save it under. */
async function files(): Promise<{ name: string; code: string }[]> {
  const text = await textOf(README);
  const names = [...text.matchAll(/save this as `([\w.]+)`/gi)].map(([, name = '']) => name);
  const blocks = await codeOf(README, 'ts');
  assert.equal(names.length, blocks.length, 'every block is a file, and the text names it');
  return blocks.map((code, index) => ({ name: names[index] ?? '', code }));
}

/** An empty folder after the commands of the README. */
async function newcomer(t: TestContext): Promise<string> {
  const [folder, { path }] = await Promise.all([temporaryFolder(t), pack(t)]);
  const [checkout = '', setup = '', ...more] = await codeOf(README, 'sh');
  assert.equal(checkout.trim(), 'npm ci && npm start', 'test/demo runs this one');
  assert.deepEqual(more, []);
  const inline = inlineCodeOf(await textOf(README)).filter((code) =>
    code.startsWith('npm install '),
  );
  assert.equal(inline.length, 2);
  for (const command of [...setup.trim().split('\n'), ...inline]) {
    if (command.startsWith('npm install ')) await install(folder, path, command);
    else await shell(folder, command);
  }
  for (const { name, code } of await files()) {
    await writeFile(join(folder, name), atOurPorts(code));
  }
  return folder;
}

const start = (folder: string, name: string) =>
  startProgram(pathToFileURL(join(folder, name)), [], {}, folder, []);

test('the README as it stands: a token endpoint, a token, a login', async (t) => {
  const folder = await newcomer(t);

  const server = start(folder, 'server.js');
  t.after(() => server.stop());
  await server.line('listening on');
  const client = start(folder, 'client.js');
  assert.equal(await client.ended, 0, client.output());
  assert.match(client.output(), /token_type: 'bearer'/i);
  await server.line("outcome: 'success'");
  await server.stop();

  const provided = (await codeOf(LOGIN_GUIDE, 'ts')).find((code) => code.includes('new Provider('));
  assert.ok(provided !== undefined);
  await install(folder, '', 'npm install oidc-provider');
  await writeFile(join(folder, 'provider.js'), atOurPorts(provided));
  const provider = start(folder, 'provider.js');
  t.after(() => provider.stop());
  await provider.line('A provider listens');
  const login = start(folder, 'login.js');
  t.after(() => login.stop());
  await login.line('/login');

  const browser = newBrowser();
  const form = await browser.open(`http://localhost:${ports.web}/login`);
  assert.match(form.url.pathname, /^\/interaction\//, form.body);
  const consent = await browser.submit(form.url, {
    prompt: 'login',
    login: 'alice',
    password: 'any',
  });
  assert.match(consent.url.pathname, /^\/interaction\//, consent.body);
  const page = await browser.submit(consent.url, { prompt: 'consent' });
  assert.equal(page.url.href, `http://localhost:${ports.web}/`);
  assert.equal(JSON.parse(page.body).sub, 'alice');
});

test("the README in TypeScript compiles under the compiler's own defaults", async (t) => {
  const folder = await newcomer(t);
  const [, packages = ''] =
    /install `([^`]+)` as dev dependencies/.exec((await textOf(README)).replace(/\s+/g, ' ')) ?? [];
  assert.match(packages, /typescript/);
  await install(folder, '', `npm install ${packages}`);
  for (const { name, code } of await files()) {
    await writeFile(join(folder, name.replace('.js', '.ts')), code);
  }
  await shell(folder, 'npx tsc --init');
  const config = join(folder, 'tsconfig.json');
  const defaults = await readFile(config, 'utf8');
  await writeFile(config, defaults.replace('"types": []', '"types": ["node"]'));
  await shell(folder, 'npx tsc --noEmit');
});
