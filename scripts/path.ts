/**
 * Counts which code runs for one accepted assertion: ES256, one JWK, the memory store,
 * `authenticateClient` in Express. Prints the files of `lib/` and how often their functions are called.
 */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import express from 'express';
import { ROOT } from './run.js';
import { usage } from './usage.js';

usage('npm run path');

const DIST = pathToFileURL(join(ROOT, 'dist/')).href;
const ISSUER = 'https://as.example';
const CLIENT_ID = 'client';
/** The table of used assertions is an island of several files: it counts as one. */
const ISLAND = 'lib/replay/memory/';

type Library = typeof import('../lib/index.js');
const { authenticateClient, CLIENT_ASSERTION_TYPE, PrivateKeyJwtStrategy } = (await import(
  `${DIST}index.js`
)) as Library;

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
const jwk = { kty: 'EC', crv: 'P-256', x, y, alg: 'ES256', use: 'sig', kid: 'key' } as const;

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function assertion(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: CLIENT_ID, sub: CLIENT_ID, aud: ISSUER, iat: now, exp: now + 60 };
  const signed = `${encoded({ alg: 'ES256', kid: 'key' })}.${encoded({ ...claims, jti: randomUUID() })}`;
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

const client = { clientId: CLIENT_ID, secrets: [{ type: 'JsonWebKey' as const, value: jwk }] };
const strategy = new PrivateKeyJwtStrategy(
  { issuer: ISSUER, tokenEndpoint: `${ISSUER}/token` },
  (clientId) => (clientId === CLIENT_ID ? client : undefined),
);
const app = express();
app.post(
  '/token',
  express.urlencoded({ extended: false }),
  authenticateClient(strategy),
  (_request, response) => {
    response.json({ access_token: 'a token', token_type: 'Bearer' });
  },
);
const server = createServer(app).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;

async function post(): Promise<void> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: CLIENT_ASSERTION_TYPE,
    client_assertion: assertion(),
  });
  const response = await fetch(url, { method: 'POST', body });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

const session = new Session();
session.connect();
await session.post('Debugger.enable');
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
for (let warmUp = 0; warmUp < 3; warmUp += 1) await post();
await session.post('Profiler.takePreciseCoverage');
await post();
const { result } = await session.post('Profiler.takePreciseCoverage');
server.close();

/** Where the code of each source file begins in a bundle: the bundler names the file there. */
function sectionsOf(bundle: string): { readonly start: number; readonly file: string }[] {
  return [...bundle.matchAll(/^\/\/ (lib\/\S+)$/gm)].map((match) => ({
    start: match.index,
    file: match[1] ?? '',
  }));
}

const calls = new Map<string, Map<string, number>>();
for (const { scriptId, url, functions } of result) {
  if (!url.startsWith(DIST)) continue;
  const { scriptSource } = await session.post('Debugger.getScriptSource', { scriptId });
  const sections = sectionsOf(scriptSource);
  for (const { functionName, ranges } of functions) {
    const [{ startOffset, count } = { startOffset: 0, count: 0 }] = ranges;
    const section = sections.findLast(({ start }) => start <= startOffset);
    if (count === 0 || section === undefined) continue;
    const file = section.file.startsWith(ISLAND) ? ISLAND : section.file;
    const ofFile = calls.get(file) ?? new Map<string, number>();
    const name = functionName || 'anonymous';
    calls.set(file, ofFile.set(name, (ofFile.get(name) ?? 0) + count));
  }
}
session.disconnect();
if (calls.size === 0) throw new Error('No code of the library ran: run npm run build first.');

const verbose = process.argv.includes('--functions');
let total = 0;
for (const [file, functions] of [...calls].sort(([one], [other]) => (one < other ? -1 : 1))) {
  const sum = [...functions.values()].reduce((all, count) => all + count, 0);
  total += sum;
  console.log(`${String(sum).padStart(4)}  ${file}`);
  if (!verbose) continue;
  for (const [name, count] of functions) console.log(`${String(count).padStart(10)}  ${name}`);
}
console.log(`${String(total).padStart(4)}  calls in ${calls.size} files`);
