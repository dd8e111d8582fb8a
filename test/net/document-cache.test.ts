import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DocumentCache } from '../../lib/net/document-cache.js';
import type { FetchError } from '../../lib/net/fetch-error.js';
import { type DocumentCacheOptions, documentCacheOptions } from '../../lib/net/options.js';
import { readOptions } from '../../lib/shared/options.js';
import { fakeClock } from '../support/fake-clock.js';

const URI = 'https://client.example/jwks.json';
const FRESH = 60;
const MAX_STALE = 900;

/** What a server answers. */
type Answer = () => Promise<Response>;

const good = (keys: readonly string[]): Answer => {
  const body = JSON.stringify({ keys });
  const headers = { 'content-type': 'application/jwk-set+json', 'cache-control': 'max-age=60' };
  return async () => new Response(body, { headers });
};

const status =
  (status: number, headers: Record<string, string> = {}): Answer =>
  async () =>
    new Response('{"keys":["wrong"]}', {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    });

const json =
  (text: string): Answer =>
  async () =>
    new Response(text, { headers: { 'content-type': 'application/json' } });

const fails =
  (code: string): Answer =>
  async () => {
    throw Object.assign(new Error('failed'), { code });
  };

type Kind = 'good' | 'outage' | 'withdrawn';

const ANSWERS: Readonly<Record<string, { readonly kind: Kind; readonly answer: Answer }>> = {
  'keys a': { kind: 'good', answer: good(['a']) },
  'keys a and b': { kind: 'good', answer: good(['a', 'b']) },
  'an empty set': { kind: 'good', answer: good([]) },
  'a refused connection': { kind: 'outage', answer: fails('ECONNREFUSED') },
  'a name that is not resolved': { kind: 'outage', answer: fails('ENOTFOUND') },
  'status 429': { kind: 'outage', answer: status(429) },
  'status 500': { kind: 'outage', answer: status(500) },
  'status 503': { kind: 'outage', answer: status(503) },
  'status 404': { kind: 'withdrawn', answer: status(404) },
  'status 410': { kind: 'withdrawn', answer: status(410) },
  'status 403': { kind: 'withdrawn', answer: status(403) },
  'status 204': { kind: 'withdrawn', answer: async () => new Response(null, { status: 204 }) },
  'a redirect': { kind: 'withdrawn', answer: status(302, { location: 'https://b.example/' }) },
  'a web page': { kind: 'withdrawn', answer: status(200, { 'content-type': 'text/html' }) },
  'no JSON': { kind: 'withdrawn', answer: json('<html>') },
  'no key set': { kind: 'withdrawn', answer: json('{"keys":"none"}') },
};

function readKeys(value: unknown): readonly string[] {
  const { keys } = value as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('it is no key set');
  return keys;
}

const OPTIONS = documentCacheOptions({ maxBytes: 65_536, maxAge: 3600, maxStale: MAX_STALE });

/** A cache whose server answers with what stands in `next`. */
function cacheOf(options: DocumentCacheOptions = {}) {
  const server = { next: ANSWERS['keys a']?.answer as Answer, requests: 0 };
  const fetch = () => {
    server.requests += 1;
    return server.next();
  };
  const settings = readOptions('test', { fetch, ...options }, OPTIONS);
  return { server, cache: new DocumentCache(settings, 'application/json', readKeys) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What a cache serves: the keys, or undefined if it serves nothing. */
const served = (cache: DocumentCache<readonly string[]>, url = URI) =>
  cache.get(url).then(
    ({ document }) => document,
    () => undefined,
  );

interface Step {
  readonly answer: string;
  /** Seconds since the step before. */
  readonly wait: number;
}

/** Runs the steps, each beside the model: what is served once the answer has come. */
async function follow(steps: readonly Step[]): Promise<void> {
  const { advance, now } = fakeClock();
  const { server, cache } = cacheOf();
  let model: { readonly keys: readonly string[]; readonly at: number } | undefined;
  for (const { answer, wait } of steps) {
    advance(wait);
    const { kind, answer: next } = ANSWERS[answer] as (typeof ANSWERS)[string];
    server.next = next;
    const before = server.requests;
    await served(cache);
    await settled();
    assert.equal(server.requests, before + 1, 'no document is fresh, and no failure rests');
    if (kind === 'good') {
      model = { keys: readKeys(await (await next()).json()), at: now() };
    } else if (kind === 'withdrawn' || (model && now() >= model.at + FRESH + MAX_STALE)) {
      model = undefined;
    }
    assert.deepEqual(await served(cache), model?.keys, JSON.stringify(steps));
    await settled();
  }
}

const each = (answers: readonly string[]): Step[] =>
  answers.map((answer) => ({ answer, wait: FRESH + 1 }));

test('after any two answers the cache serves what the latest answers allow', async () => {
  const names = Object.keys(ANSWERS);
  for (const first of names) for (const second of names) await follow(each([first, second]));
});

test('after any three answers of each kind the cache serves what the latest answers allow', async () => {
  const names = ['keys a', 'an empty set', 'status 503', 'status 404', 'no key set'];
  for (const first of names) {
    for (const second of names) {
      for (const third of names) await follow(each([first, second, third]));
    }
  }
});

test('the same with any number of answers and any waiting time', async () => {
  const step = fc.record({
    answer: fc.constantFrom(...Object.keys(ANSWERS)),
    wait: fc.integer({ min: FRESH + 1, max: 1200 }),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), follow), { numRuns: 100 });
});

for (const [name, { kind }] of Object.entries(ANSWERS)) {
  if (kind !== 'withdrawn') continue;
  test(`${name} to a fetch for an unknown key ends a set that is still fresh`, async () => {
    fakeClock();
    const { server, cache } = cacheOf();
    const seen = await cache.get(URI);
    server.next = ANSWERS[name]?.answer as Answer;
    assert.equal(await cache.renew(URI, seen.document, 30), undefined);
    assert.equal(cache.atHand(URI), undefined);
    assert.equal(await served(cache), undefined);
  });
}

test('without maxStale an outage ends the document with its age', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf({ maxStale: 0 });
  await cache.get(URI);
  server.next = status(503);
  advance(FRESH - 1);
  assert.deepEqual(await served(cache), ['a']);
  advance(2);
  assert.equal(await served(cache), undefined);
});

test('a forgotten document is fetched again at once', async () => {
  fakeClock();
  const { server, cache } = cacheOf();
  await cache.get(URI);
  server.next = good(['b']);
  assert.deepEqual(await served(cache), ['a']);
  cache.forget(URI);
  assert.equal(cache.atHand(URI), undefined);
  assert.deepEqual(await served(cache), ['b']);
});

test('a fetch that started before forget does not restore the document', async () => {
  fakeClock();
  const { server, cache } = cacheOf();
  let answer = (_response: Response): void => undefined;
  server.next = () => new Promise((resolve) => (answer = resolve));
  const waiting = served(cache);
  await settled();
  cache.forget(URI);
  server.next = good(['b']);
  answer(await good(['stolen'])());
  assert.deepEqual(await waiting, ['b'], 'not even for the request that waited for it');
  assert.deepEqual(await served(cache), ['b']);
  assert.equal(server.requests, 2);
});

test('after forget a failed document is fetched again at once', async () => {
  fakeClock();
  const { server, cache } = cacheOf();
  server.next = status(404);
  assert.equal(await served(cache), undefined);
  server.next = good(['b']);
  assert.equal(await served(cache), undefined);
  cache.forget(URI);
  assert.deepEqual(await served(cache), ['b']);
});

const addresses = (site: string, count: number) =>
  Array.from({ length: count }, (_, i) => `https://${i}.${site}/${i}`);

test('a site with any number of URLs and subdomains evicts only its own documents', async () => {
  fakeClock();
  const { server, cache } = cacheOf({ maxEntries: 20 });
  const honest = Array.from({ length: 8 }, (_, i) => `https://honest-${i}.example/client.json`);
  for (const url of honest) await cache.get(url);
  for (const url of addresses('stranger.example', 200)) await cache.get(url);
  const before = server.requests;
  for (const url of honest) await cache.get(url);
  assert.equal(server.requests, before);
});

test('no number of unknown clients evicts documents of clients that have authenticated', async () => {
  fakeClock();
  const { server, cache } = cacheOf({ maxEntries: 5 });
  await cache.get(URI);
  cache.noteProved(URI);
  for (let count = 0; count < 50; count += 1) await cache.get(`https://stranger-${count}.example/`);
  const before = server.requests;
  assert.deepEqual(await served(cache), ['a']);
  assert.equal(server.requests, before);
});

test('a FetchError has the status that came', async () => {
  fakeClock();
  for (const [answer, message] of [
    ['status 404', /its status is 404, not 200$/],
    ['a redirect', /redirects to https:\/\/b\.example\/ \(status 302\).*use the final URL$/],
    ['a web page', /its Content-Type is text\/html, not application\/json/],
    ['no JSON', /it is not JSON: it looks like HTML/],
    ['no key set', /it is no key set$/],
    ['a refused connection', /ECONNREFUSED$/],
  ] as const) {
    const { server, cache } = cacheOf();
    server.next = ANSWERS[answer]?.answer as Answer;
    await assert.rejects(cache.get(URI), (error: FetchError) => {
      assert.match(error.message, message);
      return true;
    });
  }
});
