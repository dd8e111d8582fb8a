import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { AssertionService, KeyRing, keyFiles, SigningKey } from '../../lib/client/index.js';
import { assertClientSecrets } from '../../lib/index.js';
import packageJson from '../../package.json' with { type: 'json' };
import { codeBlocksOf, codeOf, GUIDES, inlineCodeOf, textOf } from '../support/docs.js';
import { freePort } from '../support/free-port.js';
import { startProgram } from '../support/program.js';
import { type Workshop, workshop } from '../support/workshop.js';

const LANGUAGES = ['ts', 'sh', 'json', 'mermaid'];

/** The kinds of diagram that GitHub draws. */
const DIAGRAMS = /^(flowchart (LR|RL|TB|TD|BT)|sequenceDiagram|classDiagram|stateDiagram-v2)\n/;

test('every diagram is of a kind that GitHub draws, and its blocks are closed', async () => {
  let checked = 0;
  for (const document of GUIDES) {
    for (const code of await codeOf(document, 'mermaid')) {
      checked += 1;
      assert.match(code, DIAGRAMS, document);
      const opened = code.match(/^\s*subgraph /gm) ?? [];
      const closed = code.match(/^\s*end$/gm) ?? [];
      assert.equal(opened.length, closed.length, document);
    }
  }
  assert.ok(checked > 0);
});

test('every block of code is in a language that a test compiles, runs or reads', async () => {
  for (const document of GUIDES) {
    const blocks = await codeBlocksOf(document);
    for (const { language, code } of blocks) {
      assert.ok(LANGUAGES.includes(language), `${document}: ${code}`);
    }
    const fences = (await textOf(document)).match(/^\s*(```|~~~)/gm) ?? [];
    assert.equal(fences.length, 2 * blocks.length, document);
  }
});

test('every JSON block can be parsed', async () => {
  for (const document of GUIDES) {
    for (const code of await codeOf(document, 'json')) assert.doesNotThrow(() => JSON.parse(code));
  }
});

/** The commands of a document, without comments. */
async function commandsOf(document: string): Promise<string[]> {
  const lines = (await codeOf(document, 'sh')).flatMap((code) => code.split('\n'));
  return lines
    .flatMap((line) => line.replace(/\s+#.*$/, '').split(' && '))
    .filter((line) => line !== '');
}

const PACKAGES = [
  packageJson.name,
  ...Object.keys(packageJson.peerDependencies),
  ...Object.keys(packageJson.devDependencies),
];

/** Whether npm knows the script or the packages that a command names. */
function npmKnows(command: string): boolean {
  const [, verb = '', ...rest] = command.split(' ');
  if (verb === 'install') return rest.every((name) => PACKAGES.includes(name));
  const script = verb === 'run' ? rest[0] : verb;
  if (verb === 'init') return rest.join(' ') === '-y';
  if (verb === 'pkg') return rest.join(' ') === 'set type=module';
  return verb === 'ci' || Object.hasOwn(packageJson.scripts, script ?? '');
}

test('every npm command in the documents names an existing script or package', async () => {
  let checked = 0;
  for (const document of GUIDES) {
    const inline = inlineCodeOf(await textOf(document));
    for (const command of [...(await commandsOf(document)), ...inline]) {
      const [, variables = '', npm] = /^((?:\w+=\S+ )*)(npm .*)$/.exec(command) ?? [];
      if (npm === undefined) continue;
      checked += 1;
      assert.ok(npmKnows(npm), `${document}: ${command}`);
      const text = await textOf(document);
      for (const [, name] of variables.matchAll(/(\w+)=/g)) {
        assert.ok(text.includes(`\`${name}\``), `${document} does not say what ${name} is`);
      }
    }
  }
  assert.ok(checked > 15);
});

/** The commands of a document that are no business of npm. */
async function ownCommandsOf(document: string): Promise<string[]> {
  return (await commandsOf(document)).filter((command) => !/^(\w+=\S+ )*npm /.test(command));
}

/** Starts the server of a document at a port of its own. It reads the client from `client.json`. */
async function startServer(
  t: TestContext,
  { folder, write }: Workshop,
  document = 'docs/server.md',
) {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const [code = ''] = await codeOf(document, 'ts');
  await write(
    'server.ts',
    code
      .replace('http://localhost:3000', issuer)
      .replace(/app\.listen\(3000.*\);/, `app.listen(${port}, () => console.log('listening'));`),
  );
  const server = startProgram(pathToFileURL(join(folder, 'server.ts')), [], {}, folder);
  t.after(() => server.stop());
  await server.line('listening');
  const here = (command: string) => command.replace('http://localhost:3000', issuer);
  return { issuer, here, server };
}

const RUNS: Record<string, (t: TestContext, commands: string[]) => Promise<void>> = {
  // test/package/readme.test.ts runs all of it, from the packed package.
  async 'README.md'(t, [keygen = '', ...more]) {
    const work = await workshop(t);
    await work.shell(keygen);
    await startServer(t, work, 'README.md');
    assert.deepEqual(more, []);
  },

  async 'docs/server.md'(t, [keygen = '', token = '', ...more]) {
    const work = await workshop(t);
    await work.shell(keygen);
    const { here, server } = await startServer(t, work);
    const { stdout } = await work.shell(here(token));
    assert.match(stdout, /The server granted a token/);
    await server.line('success client.jwt');
    assert.deepEqual(more, []);
  },

  async 'docs/client.md'(t, [keygen = '', ...more]) {
    const work = await workshop(t);
    await work.shell(keygen);
    assert.ok(SigningKey.from(await work.read('client.pem')).publicJwk);
    assert.deepEqual(more, []);
  },

  async 'docs/client-keys.md'(t, [pkcs12 = '', nextKey = '', nextSigns = '', ...more]) {
    const work = await workshop(t);
    await work.shell('npx passport-private-key-jwt keygen --out client.pem');
    const key = SigningKey.from(await work.read('client.pem'));
    assert.ok(key.publicJwk);
    const request = 'openssl req -x509 -key client.pem -subj /CN=client -out client.crt';
    const file = 'openssl pkcs12 -export -inkey client.pem -in client.crt -out client.p12';
    await work.shell(`${request} && ${file} -passout pass:secret && rm client.pem`);
    await work.shell(`${pkcs12} -passin pass:secret`);
    assert.deepEqual(SigningKey.from(await work.read('client.pem')).publicJwk, key.publicJwk);

    await work.shell('mv client.pem current.pem');
    const files = ['current.pem', 'next.pem'].map((file) => join(work.folder, file));
    const ring = new KeyRing({ keys: keyFiles(files), publishBefore: 0 });
    await work.shell(nextKey);
    const [, next] = (await ring.publicJwks()).keys;
    assert.deepEqual(ring.publicJwk, key.publicJwk);
    await work.shell(nextSigns);
    await ring.reload();
    await ring.signJwt({}, {});
    assert.deepEqual(ring.publicJwk, next);
    assert.deepEqual(more, []);
  },

  async 'docs/swap-a-client-secret.md'(t, commands) {
    const work = await workshop(t);
    for (const command of commands) await work.shell(command);
    assert.equal(SigningKey.from(await work.read('client.pem')).alg, 'ES256');
    const value = await work.read('client.pub.pem');
    assertClientSecrets({ clientId: 'client', secrets: [{ type: 'PublicKeyPem', value }] });
  },

  async 'docs/command-line.md'(
    t,
    [keygen = '', certificate = '', token = '', inspect = '', audit = '', ...more],
  ) {
    const work = await workshop(t);
    await work.shell(keygen);
    await work.shell(certificate);
    assert.match(await work.read('entra.crt'), /^-----BEGIN CERTIFICATE-----/);

    const key = SigningKey.from(await work.read('client.pem'));
    const secret = { type: 'JsonWebKey', value: key.publicJwk };
    await work.write('client.json', JSON.stringify({ secret }));
    const { issuer, here } = await startServer(t, work);
    const { stdout } = await work.shell(here(token));
    assert.match(stdout, /The server granted a token/);

    const client = { client_id: 'client.jwt', jwks: { keys: [key.publicJwk] } };
    await work.write('clients.json', JSON.stringify([client]));
    const assertions = new AssertionService({ clientId: 'client.jwt', key, issuer });
    await work.write('assertion.txt', await assertions.createClientToken());
    await work.shell(here(inspect));
    assert.match((await work.shell(audit)).stdout, /client\.jwt/);
    assert.deepEqual(more, []);
  },
};

const hasOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;

for (const [document, run] of Object.entries(RUNS)) {
  const commands = await ownCommandsOf(document);
  const needsOpenssl = commands.some((command) => command.startsWith('openssl'));
  const skip =
    needsOpenssl && !hasOpenssl && 'openssl is not installed: install it to run this test';
  test(`the commands of ${document} do what it says`, { skip }, (t) => run(t, commands));
}

test('every document with commands has a test that runs them', async () => {
  for (const document of GUIDES.filter((guide) => !Object.hasOwn(RUNS, guide))) {
    assert.deepEqual(await ownCommandsOf(document), [], document);
  }
});
