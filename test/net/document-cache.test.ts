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

for (const [name, { kind, answer }] of Object.entries(ANSWERS)) {
  if (kind !== 'withdrawn') continue;
  test(`${name} ends a stale document even for the request that fetches`, async () => {
    const { advance } = fakeClock();
    const { server, cache } = cacheOf();
    await cache.get(URI);
    advance(FRESH);
    server.next = answer;
    await assert.rejects(cache.get(URI), { name: 'FetchError' });
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
      assert.ok(error.message.startsWith(`${URI}: `), error.message);
      return true;
    });
  }
});

const hangs: Answer = () => new Promise(() => undefined);

test('the caller learns whether a document was fetched for this call, and why it is stale', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf();
  assert.deepEqual(await cache.get(URI), { document: ['a'], isNew: true });
  assert.deepEqual(await cache.get(URI), { document: ['a'] });
  advance(FRESH);
  server.next = good(['b']);
  assert.deepEqual(await cache.get(URI), { document: ['b'], isNew: true });
  advance(FRESH);
  server.next = status(503);
  for (const _ of ['the fetch fails now', 'the fetch has just failed']) {
    const { document, isNew, error } = await cache.get(URI);
    assert.deepEqual([document, isNew, error?.answered], [['b'], undefined, 503]);
  }
  assert.equal(server.requests, 3);
});

test('a document is fresh until its age has passed, and stale until maxStale has passed too', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf({ maxStale: 100 });
  await cache.get(URI);
  server.next = status(503);
  advance(FRESH - 0.001);
  assert.deepEqual(cache.atHand(URI), ['a']);
  await settled();
  advance(0.001);
  assert.equal(cache.atHand(URI), undefined);
  assert.deepEqual(await served(cache), ['a']);
  advance(99.999);
  assert.deepEqual(await served(cache), ['a']);
  await settled();
  advance(0.001);
  assert.equal(await served(cache), undefined);
});

test('a document in use is fetched again in the background after 80 % of its age', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf();
  await cache.get(URI);
  server.next = status(503);
  advance(FRESH * 0.8 - 0.001);
  assert.deepEqual(await served(cache), ['a']);
  assert.equal(server.requests, 1);
  advance(0.001);
  for (let count = 0; count < 3; count += 1) {
    assert.deepEqual(await served(cache), ['a']);
    await settled();
    assert.equal(server.requests, 2, 'not again right after a failure');
  }
  server.next = good(['b']);
  advance(1);
  assert.deepEqual(await served(cache), ['a'], 'nobody waits for it');
  await settled();
  assert.deepEqual(await served(cache), ['b']);
  assert.equal(server.requests, 3);
});

test('during an outage a stale document is served at once, and fetched again behind', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf();
  await cache.get(URI);
  advance(FRESH);
  server.next = status(503);
  await cache.get(URI);
  await cache.get(URI);
  await settled();
  assert.equal(server.requests, 2, 'a failure rests for a second');
  advance(1);
  server.next = hangs;
  assert.deepEqual(await served(cache), ['a']);
  await settled();
  assert.equal(server.requests, 3);
});

test('a URL that fails is fetched again after 1, 2, 4 … seconds, at least once a minute', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf();
  server.next = status(503);
  const requests: number[] = [];
  for (const wait of [0, 0.999, 0.001, 1.999, 0.001, 3.999, 0.001]) {
    advance(wait);
    await assert.rejects(cache.get(URI), { code: 'status_not_ok', answered: 503 });
    requests.push(server.requests);
  }
  assert.deepEqual(requests, [1, 1, 2, 2, 3, 3, 4]);
  for (let failures = 5; failures <= 12; failures += 1) {
    advance(60);
    await served(cache);
    assert.equal(server.requests, failures);
  }
  advance(59.999);
  await served(cache);
  assert.equal(server.requests, 12);
});

test('after a success the first failure rests for a second again', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf({ maxStale: 0 });
  const answer = async (next: Answer) => {
    server.next = next;
    await served(cache);
    return server.requests;
  };
  await answer(status(503));
  advance(1);
  assert.equal(await answer(status(503)), 2);
  advance(2);
  assert.equal(await answer(good(['a'])), 3);
  advance(FRESH);
  assert.equal(await answer(status(503)), 4);
  advance(1);
  assert.equal(await answer(status(503)), 5);
});

test('failures of ten times maxEntries URLs rest, and then the oldest is fetched again', async () => {
  fakeClock();
  const { server, cache } = cacheOf({ maxEntries: 2 });
  server.next = status(404);
  const urls = Array.from({ length: 21 }, (_, i) => `https://site-${i}.example/`);
  for (const _ of [1, 2]) for (const url of urls.slice(1)) await served(cache, url);
  assert.equal(server.requests, 20);
  await served(cache, urls[0]);
  await served(cache, urls[1]);
  assert.equal(server.requests, 22);
});

test('a fetch for an unknown key has a cooldown for each URL', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf({ maxEntries: 1 });
  const other = 'https://other.example/jwks.json';
  for (const url of [URI, other]) assert.deepEqual(await cache.renew(url, [], 30), ['a']);
  for (const wait of [0, 29.999]) {
    advance(wait);
    for (const url of [URI, other]) {
      const seen = cache.atHand(url) ?? [];
      assert.equal(await cache.renew(url, seen, 30), undefined);
    }
  }
  assert.equal(server.requests, 2);
  advance(0.001);
  assert.deepEqual(await cache.renew(other, cache.atHand(other) ?? [], 30), ['a']);
  assert.equal(server.requests, 3);
});

test('callers that miss a key at the same time share a fetch, and later ones get its result', async () => {
  fakeClock();
  const { server, cache } = cacheOf();
  const { document: seen } = await cache.get(URI);
  server.next = good(['a', 'b']);
  const both = await Promise.all([cache.renew(URI, seen, 30), cache.renew(URI, seen, 30)]);
  assert.deepEqual(both, [
    ['a', 'b'],
    ['a', 'b'],
  ]);
  assert.deepEqual(await cache.renew(URI, seen, 30), ['a', 'b'], 'newer than what was seen');
  assert.equal(server.requests, 2);
});

test('while a failure rests, no unknown key causes a fetch', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf();
  const { document: seen } = await cache.get(URI);
  server.next = status(503);
  assert.equal(await cache.renew(URI, seen, 0), undefined);
  server.next = good(['b']);
  assert.equal(await cache.renew(URI, seen, 0), undefined);
  assert.equal(server.requests, 2);
  advance(1);
  assert.deepEqual(await cache.renew(URI, seen, 0), ['b']);
});

test('forget gives the document that it drops, fresh or not, and ends the cooldown', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf();
  assert.equal(cache.forget(URI), undefined);
  const { document: seen } = await cache.get(URI);
  await cache.renew(URI, seen, 1000);
  advance(FRESH + MAX_STALE);
  assert.deepEqual(cache.forget(URI), ['a']);
  assert.equal(cache.forget(URI), undefined);
  assert.deepEqual(await cache.renew(URI, seen, 1000), ['a']);
  assert.equal(server.requests, 3);
});

test('a fetch that fails after forget says nothing about the next one', async () => {
  fakeClock();
  const { server, cache } = cacheOf();
  const end: ((response: Promise<Response>) => void)[] = [];
  server.next = () => new Promise((resolve) => end.push(resolve));
  const [old, cached] = [served(cache), () => served(cache)];
  await settled();
  cache.forget(URI);
  const next = cached();
  await settled();
  end[0]?.(status(404)());
  assert.equal(await old, undefined);
  const joined = cached();
  await settled();
  assert.equal(end.length, 2, 'the second fetch is still the one that all wait for');
  end[1]?.(good(['b'])());
  assert.deepEqual(await Promise.all([next, joined]), [['b'], ['b']]);
  assert.equal(server.requests, 2);
});

test('a client that authenticated before its document came is not displaced either', async () => {
  const { advance } = fakeClock();
  const { server, cache } = cacheOf({ maxEntries: 5 });
  cache.noteProved(URI);
  for (const _ of ['the first document', 'a newer one']) {
    await cache.get(URI);
    for (let count = 0; count < 10; count += 1) {
      await cache.get(`https://stranger-${count}.example/`);
    }
    const before = server.requests;
    assert.deepEqual(await served(cache), ['a']);
    assert.equal(server.requests, before);
    advance(FRESH);
  }
});

test('a client that authenticated without a document displaces no document', async () => {
  fakeClock();
  const { server, cache } = cacheOf({ maxEntries: 1 });
  await cache.get(URI);
  cache.noteProved(URI);
  cache.noteProved('https://other.example/');
  assert.deepEqual(await served(cache), ['a']);
  assert.equal(server.requests, 1);
});

const sites = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `https://${name}-${i}.example/`);

/** Starts fetches of these URLs, and gives the number that have reached the server. */
async function begun(
  { server, cache }: ReturnType<typeof cacheOf>,
  urls: readonly string[],
): Promise<number> {
  const before = server.requests;
  for (const url of urls) served(cache, url);
  await settled();
  return server.requests - before;
}

test('a site has at most 50 fetches at once, and all sites together have 100', async () => {
  fakeClock();
  const one = cacheOf();
  one.server.next = hangs;
  assert.equal(await begun(one, addresses('stranger.example', 60)), 50);
  const all = cacheOf();
  all.server.next = hangs;
  assert.equal(await begun(all, sites('site', 110)), 100);
});

test('fetches that hang delay neither authenticated clients, nor those whose server answers', async () => {
  const { advance } = fakeClock();
  const all = cacheOf();
  const { server, cache } = all;
  const [proved, strangers] = [sites('proved', 110), sites('stranger', 110)];
  for (const url of proved) cache.noteProved(url);
  server.next = status(503);
  for (const url of [...proved, ...strangers]) await served(cache, url);
  advance(1);
  server.next = hangs;
  assert.equal(await begun(all, strangers), 100, 'strangers whose last fetch failed');
  assert.equal(await begun(all, sites('new', 110)), 100, 'strangers');
  assert.equal(await begun(all, proved), 100, 'authenticated clients whose last fetch failed');
  cache.noteProved(URI);
  server.next = good(['a']);
  assert.deepEqual(await served(cache), ['a']);
});

test('a fetch that gets no turn is an outage, but no failure of its URL', async (t) => {
  const { advance } = fakeClock();
  const all = cacheOf({ timeout: 3 });
  const { server, cache } = all;
  await cache.get(URI);
  advance(FRESH);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const end: ((response: Promise<Response>) => void)[] = [];
  server.next = () => new Promise((resolve) => end.push(resolve));
  await begun(all, sites('slow', 100));
  const waiting = cache.get(URI);
  const unknown = cache.get('https://unknown.example/');
  const refusal = assert.rejects(unknown, {
    code: 'too_many_fetches',
    message: '100 fetches are already running',
  });
  t.mock.timers.tick(3000);
  const { document, error } = await waiting;
  assert.deepEqual([document, error?.code], [['a'], 'too_many_fetches']);
  await refusal;
  server.next = good(['b']);
  for (const resolve of end) resolve(good(['slow'])());
  await settled();
  assert.deepEqual(await served(cache), ['b']);
  assert.deepEqual(await served(cache, 'https://unknown.example/'), ['b']);
});
