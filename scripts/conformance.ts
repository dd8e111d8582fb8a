/**
 * Runs the MCP conformance suite against the demo server and our client half, on Node 22:
 * `npm run conformance`. It is an alpha version, so `.ci/run` leaves it out; docs/conformance.md has the
 * results.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usage } from './usage.js';

usage('npm run conformance   runs the MCP conformance suite, about five minutes');

const SUITE = ['-p', 'node@22', '-p', '@modelcontextprotocol/conformance@0.2.0-alpha.12'];
const CALLBACK_PORT = 3979;
const REDIRECT_URI = `http://127.0.0.1:${CALLBACK_PORT}/callback`;
const RESOURCE = 'https://mcp.example/mcp';

/** The scenarios for clients that our client half can serve. */
const CLIENT = ['auth/client-credentials-jwt', 'auth/basic-cimd'];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const suite = (...args: string[]) =>
  spawn('npx', ['--yes', ...SUITE, '--', 'conformance', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });

/** Runs one scenario; `onOutput` gets what the suite has said so far. */
async function run(
  args: string[],
  onOutput: (output: string) => void = () => {},
): Promise<{ readonly passed: boolean; readonly output: string }> {
  const child = suite(...args);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      onOutput(output);
    });
  }
  const timer = setTimeout(() => child.kill(), 40_000);
  await once(child, 'close');
  clearTimeout(timer);
  return { passed: child.exitCode === 0, output };
}

/** Plays the user of the demo, who logs in and allows what is asked. */
async function allow(url: string): Promise<void> {
  let cookie = '';
  const call = async (target: URL, body?: URLSearchParams): Promise<{ url: URL; page: string }> => {
    const headers = cookie === '' ? {} : { cookie };
    const init = { headers, redirect: 'manual', ...(body && { method: 'POST', body }) } as const;
    const response = await fetch(target, init);
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
    const location = response.headers.get('location');
    if (location === null) return { url: target, page: await response.text() };
    return call(new URL(location, target));
  };
  let { url: at, page } = await call(new URL(url));
  for (let pages = 0; pages < 3 && page.includes('<form'); pages += 1) {
    const inputs = [...page.matchAll(/<input\b[^>]*>/g)].map(([tag]) => tag);
    const value = (tag: string, name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
    const fields = inputs.map((tag): [string, string] => [
      value(tag, 'name') ?? '',
      value(tag, 'name') === 'username' ? 'alice' : (value(tag, 'value') ?? ''),
    ]);
    const action = /<form\b[^>]* action="([^"]*)"/.exec(page)?.[1] ?? '';
    ({ url: at, page } = await call(new URL(action, at), new URLSearchParams(fields)));
  }
  // The demo answers consent by a page that goes on.
  const link = /href="(http:\/\/127\.0\.0\.1[^"]*)"/.exec(page)?.[1];
  if (link !== undefined) await fetch(link.replaceAll(/&amp;|&#38;/g, '&'));
}

const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
const clientsFile = join(folder, 'clients.json');
const grants = {
  redirect_uris: [REDIRECT_URI],
  grant_types: ['authorization_code', 'refresh_token'],
};
await writeFile(
  clientsFile,
  JSON.stringify([{ client_id: 'public', token_endpoint_auth_method: 'none', ...grants }]),
);
const port = await freePort();
const demo = spawn(process.execPath, ['--import', 'tsx', 'demo/server/main.ts'], {
  env: { ...process.env, PORT: String(port), CLIENTS_FILE: clientsFile },
  stdio: ['ignore', 'pipe', 'inherit'],
});
await once(demo.stdout, 'data');
const issuer = `http://localhost:${port}`;

let failed = 0;
const report = (what: string, { passed, output }: { passed: boolean; output: string }): void => {
  if (!passed) failed += 1;
  console.log(`${passed ? '✔' : '✖'} ${what}`);
  if (!passed) console.log(output.split('\n').slice(-60).join('\n'));
};
try {
  // A client with a secret would fail: the suite sends no secret to a server that also takes `none`.
  const asked = new Set<string>();
  const args = ['authorization', '--url', issuer, '--client-id', 'public'];
  const more = ['--resource', RESOURCE, '--port', String(CALLBACK_PORT)];
  const result = await run([...args, ...more], (output) => {
    for (const [url] of output.matchAll(/http:\/\/localhost:\d+\/authorize\?\S+(?=\s)/g)) {
      if (asked.has(url)) continue;
      asked.add(url);
      allow(url).catch((error: unknown) => console.error(error));
    }
  });
  report('the demo, with a public client', result);
  for (const scenario of CLIENT) {
    const command = `${process.execPath} --import tsx ${join('scripts', 'conformance-client.ts')}`;
    report(
      `${scenario} of the client half`,
      await run(['client', '--scenario', scenario, '--command', command]),
    );
  }
} finally {
  demo.kill();
  await rm(folder, { recursive: true });
}
process.exitCode = failed === 0 ? 0 : 1;
