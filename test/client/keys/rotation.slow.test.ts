import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SigningKey } from '../../../lib/client/index.js';
import { pem } from '../../support/key-forms.js';
import { newKeyPair } from '../../support/keys.js';
import { listen } from '../../support/listen.js';
import { openIdProvider } from '../../support/openid-provider.js';
import { type Program, startProgram } from '../../support/program.js';

// Four processes on shared key files, whose clocks differ, and a provider that fetches their JWK Set
// from one of them.

const WORKER = new URL('../../support/programs/key-ring-signer.ts', import.meta.url);

/** For how long the provider keeps a JWK Set, in seconds: a minute as it comes. */
const KEPT = 2;
const RELOAD_EVERY = 1;
const PUBLISH_BEFORE = 4;
/** A key is held back for this long, and the processes look at it later still, as a busy machine lets them. */
const HELD_BACK = (PUBLISH_BEFORE + RELOAD_EVERY + 3) * 1000;

const CLOCKS = [0, -6, 7, 3];

interface Worker {
  readonly program: Program;
  readonly url: string;
}

const newPem = () => pem(newKeyPair('ES256'));

const kidOf = (key: string): string => SigningKey.from({ key }).kid ?? assert.fail();

test('four processes rotate their shared keys, and none signs with a key before all processes have published it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'key-ring-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [current, next] = [join(folder, 'current.pem'), join(folder, 'next.pem')];
  /** In one step, so that no process reads half of a file. */
  const write = async (file: string, content: string) => {
    await writeFile(`${file}.new`, content);
    await rename(`${file}.new`, file);
  };
  const keys = [newPem(), newPem(), newPem()];
  const [first = '', second = '', third = ''] = keys;
  await write(current, first);

  const workers: Worker[] = [];
  let turn = 0;
  const steps = new EventEmitter();
  const haveStarted = once(steps, 'started');
  const jwks = await listen(async (_request, response) => {
    await haveStarted;
    turn += 1;
    const { url } = workers[turn % workers.length] ?? assert.fail('no worker');
    const answer = await fetch(url);
    response.setHeader('content-type', 'application/json');
    response.end(await answer.text());
  });
  t.after(() => jwks.close());
  const provider = await openIdProvider(
    { client_id: 'client', jwks_uri: jwks.url, token_endpoint_auth_signing_alg: 'ES256' },
    () => ({
      clockTolerance: 30,
      // Without the dispatcher by which oidc-provider refuses to connect to loopback.
      fetch: (url: string | URL | Request) => fetch(url),
    }),
  );
  t.after(() => provider.close());
  const store = await provider.keysOf('client');
  let freshUntil = 0;
  Object.defineProperty(store, 'freshUntil', {
    get: () => freshUntil,
    set: () => {
      freshUntil = Math.floor(Date.now() / 1000) + KEPT;
    },
  });

  const start = async (clockAhead: number): Promise<Worker> => {
    const task = {
      issuer: provider.issuer,
      files: [current, next],
      reloadEvery: RELOAD_EVERY,
      publishBefore: PUBLISH_BEFORE,
      clockAhead,
    };
    const program = startProgram(WORKER, [JSON.stringify(task)]);
    t.after(() => program.stop());
    const [, port] = (await program.line('port ')).split(' ');
    return { program, url: `http://127.0.0.1:${port}/jwks.json` };
  };
  const stopped: Worker[] = [];
  workers.push(...(await Promise.all(CLOCKS.map(start))));
  steps.emit('started');

  /** When each process had each key first. */
  const seen = new Map<string, number>();
  let isRunning = true;
  const watch = async () => {
    while (isRunning) {
      for (const { url } of workers) {
        const { keys: published } = (await (await fetch(url)).json()) as {
          keys: { kid: string }[];
        };
        for (const { kid } of published) {
          const name = `${kid} ${url}`;
          if (!seen.has(name)) seen.set(name, Date.now());
        }
      }
      await sleep(50);
    }
  };
  const watching = watch();
  const usedAt = new Map<unknown, number>();
  const noteUse = setInterval(() => {
    for (const { header } of provider.assertions) {
      if (!usedAt.has(header['kid'])) usedAt.set(header['kid'], Date.now());
    }
  }, 5);
  t.after(() => clearInterval(noteUse));

  await sleep(1500);
  // Too early: the key is first as soon as it is there, and the former one is gone.
  await write(current, second);
  await sleep(HELD_BACK);
  assert.ok(usedAt.has(kidOf(second)), 'the second key signs');
  // As the guide says, and one process is started anew meanwhile.
  await write(next, third);
  const [leaving] = workers.splice(0, 1);
  if (leaving !== undefined) stopped.push(leaving);
  await leaving?.program.stop();
  workers.push(await start(5));
  await sleep(HELD_BACK);
  assert.ok(!usedAt.has(kidOf(third)), 'a key that is not the first signs nothing');
  await rename(next, current);
  await sleep(RELOAD_EVERY * 2000 + 1000);
  isRunning = false;
  await watching;

  for (const { program } of [...workers, ...stopped]) {
    assert.doesNotMatch(program.output(), /refused|Unhandled/);
  }
  const last = provider.assertions.slice(-8).map(({ header }) => header['kid']);
  assert.deepEqual(new Set(last), new Set([kidOf(third)]), 'all of them sign with the third key');
  for (const [key, running] of [
    [second, [...workers.slice(0, 3), ...stopped]],
    [third, workers],
  ] as const) {
    const kid = kidOf(key);
    const had = running.map(({ url }) => seen.get(`${kid} ${url}`) ?? assert.fail());
    const used = usedAt.get(kid) ?? 0;
    const lead = Math.min(...had.map((time) => used - time));
    t.diagnostic(`the last process had the key ${lead} ms before it was used`);
    assert.ok(lead > 0, `${lead} ms`);
  }
});
