import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Configuration, customFetch, getDPoPHandle, randomDPoPKeyPair } from 'openid-client';
import { ClientTokenManager, MemoryTokenStore, type TokenSet } from '../../../lib/client/index.js';
import { fakeClock } from '../../support/fake-clock.js';

// What a manager asks for, and under which name it keeps the answer. The provider is a function.

type ClientTokenRequest = NonNullable<Parameters<ClientTokenManager['getToken']>[0]>;
type Options = Partial<ConstructorParameters<typeof ClientTokenManager>[0]>;

function manager(
  options: Options = {},
  server: object = {},
  clientId = 'client',
  token_type = 'bearer',
) {
  const config = new Configuration(
    { issuer: 'https://as.example', token_endpoint: 'https://as.example/token', ...server },
    clientId,
    'a secret of the tests',
  );
  const sent: Record<string, string[]>[] = [];
  config[customFetch] = async (_url, { body }) => {
    const form = body as URLSearchParams;
    const names = ['scope', 'resource', 'audience'].filter((name) => form.has(name));
    sent.push(Object.fromEntries(names.map((name) => [name, form.getAll(name)])));
    return Response.json({
      access_token: `at-${sent.length}`,
      token_type,
      expires_in: 600,
    });
  };
  return { sent, config, tokens: new ClientTokenManager({ config, ...options }) };
}

const REQUESTS: readonly (readonly [ClientTokenRequest, Record<string, string[]>])[] = [
  [{}, {}],
  [{ scope: undefined, resource: undefined, audience: undefined }, {}],
  [{ scope: '', resource: [] }, {}],
  [{ scope: 'b a' }, { scope: ['a b'] }],
  [{ scope: ' b  a ' }, { scope: ['a b'] }],
  [{ scope: ['b', 'a'] }, { scope: ['a b'] }],
  [{ resource: 'https://a.example' }, { resource: ['https://a.example'] }],
  [{ resource: ['urn:b', 'urn:a'] }, { resource: ['urn:a', 'urn:b'] }],
  [{ resource: 'urn:b urn:a' }, { resource: ['urn:a', 'urn:b'] }],
  [{ audience: 'api' }, { audience: ['api'] }],
  [
    { scope: 'a', resource: 'urn:b', audience: 'c' },
    { scope: ['a'], resource: ['urn:b'], audience: ['c'] },
  ],
];

for (const [request, parameters] of REQUESTS) {
  test(`${JSON.stringify(request)} is sent as ${JSON.stringify(parameters)} (RFC 8707 §2)`, async () => {
    const { tokens, sent } = manager();
    await tokens.getToken(request);
    assert.deepEqual(sent, [parameters]);
  });
}

const SAME: readonly (readonly ClientTokenRequest[])[] = [
  [{}, { scope: undefined }, { scope: '' }],
  [{ scope: 'a b' }, { scope: 'b a' }, { scope: ['a', 'b'] }, { scope: ['b', 'a'] }],
  [{ scope: 'a' }, { scope: ['a'] }],
  [{ resource: 'a' }],
  [{ audience: 'a' }],
  [
    { scope: 'a', audience: 'b' },
    { audience: 'b', scope: 'a' },
  ],
  [{ scope: 'b', audience: 'a' }],
];

test('requests that ask for the same share one token, and others do not', async () => {
  const { tokens, sent } = manager();
  const kept = new Set<string>();
  for (const requests of SAME) {
    const answers = [];
    // Twice, since a manager remembers what it has seen.
    for (const request of [...requests, ...requests]) answers.push(await tokens.getToken(request));
    assert.equal(new Set(answers.map(({ accessToken }) => accessToken)).size, 1);
    kept.add(answers[0]?.accessToken ?? '');
  }
  assert.equal(kept.size, SAME.length);
  assert.equal(sent.length, SAME.length);
});

for (const [request, message] of [
  [{ scopes: 'a' }, /^A token request has no option scopes/],
  [{ scope: 7 }, /scope/],
  [{ audience: ['a'] }, /audience/],
] as const) {
  test(`${JSON.stringify(request)} is refused as a token request`, async () => {
    const { tokens, sent } = manager();
    const wrong = request as unknown as ClientTokenRequest;
    for (const _again of [1, 2]) {
      await assert.rejects(tokens.getToken(wrong), { name: 'TypeError', message });
    }
    assert.throws(() => tokens.fetch('https://api.example', wrong), { name: 'TypeError', message });
    assert.equal(sent.length, 0);
  });
}

test('inherited members of a request are ignored', async () => {
  const { tokens, sent } = manager();
  const inherited = Object.create({ toString: 'x', scope: 'a' }) as ClientTokenRequest;
  await assert.doesNotReject(tokens.getToken(inherited));
  await tokens.getToken(inherited);
  assert.equal(sent.length, 1);
});

test('an unknown option is named', () => {
  assert.throws(
    () => manager({ renewbefore: 1 } as never),
    /^TypeError: ClientTokenManager has no option renewbefore/,
  );
});

test('a request that has only texts is prepared once; a thousand such requests are remembered', async (t) => {
  const { config } = manager({}, {});
  const DPoP = getDPoPHandle(config, await randomDPoPKeyPair('ES256'));
  const calculate = t.mock.method(DPoP, 'calculateThumbprint');
  const { tokens } = manager({ DPoP }, {}, 'client', 'DPoP');
  const times = async (request: ClientTokenRequest) => {
    const before = calculate.mock.callCount();
    for (const _again of [1, 2, 3]) await tokens.getToken(request);
    return calculate.mock.callCount() - before;
  };
  assert.equal(await times({ scope: 'a' }), 1);
  assert.equal(await times({ audience: 'a' }), 1);
  assert.equal(await times({ scope: ['a'] }), 3);
  for (let each = 2; each < 999; each += 1) await tokens.getToken({ audience: String(each) });
  assert.equal(await times({ audience: 'the last' }), 1);
  assert.equal(await times({ audience: 'one more' }), 3);
  assert.equal(await times({ scope: 'a' }), 0);
});

test('two requests whose members have the same letters do not share a token', async () => {
  const { tokens, sent } = manager();
  for (const audience of ['a', 'a5:scope1:b', '1:a', 'a1']) await tokens.getToken({ audience });
  await tokens.getToken({ audience: 'a', scope: 'b' });
  await tokens.getToken({ audience: 'a', resource: 'b' });
  assert.equal(sent.length, 6);
});

test('the key of a stored token covers all that the answer depends on, and reveals none of it', async () => {
  const names: string[] = [];
  class NamingStore extends MemoryTokenStore {
    override replace(...parameters: Parameters<MemoryTokenStore['replace']>): boolean {
      names.push(parameters[0]);
      return super.replace(...parameters);
    }
  }
  const store = new NamingStore();
  const managers = [
    manager({ store }),
    manager({ store }, { issuer: 'https://other.example' }),
    manager({ store }, { token_endpoint: 'https://as.example/other' }),
    manager({ store }, {}, 'another client'),
  ];
  for (const { tokens } of managers) await tokens.getToken({ scope: 'orders' });
  assert.equal(new Set(names).size, 4);
  for (const name of names) assert.match(name, /^client-token:[\w-]{43}$/);
  // The same manager again, and a second one like it, find the token.
  await manager({ store }).tokens.getToken({ scope: 'orders' });
  assert.equal(names.length, 4);
});

test('a token is not in use in the last minute of its life, nor after an API has refused it', async () => {
  const time = fakeClock();
  try {
    const written: unknown[] = [];
    const store = new MemoryTokenStore();
    const noting = {
      get: (key: string) => store.get(key),
      replace(key: string, expected: TokenSet | undefined, tokens: TokenSet, lifetime: number) {
        written.push([expected?.accessToken, tokens.accessToken, lifetime]);
        return store.replace(key, expected, tokens, lifetime);
      },
    };
    const { tokens } = manager({ store: noting as never });
    const now = async (refused?: string) => (await tokens.getToken({}, refused)).accessToken;
    assert.equal(await now(), 'at-1');
    time.advance(539);
    assert.equal(await now(), 'at-1');
    time.advance(1);
    assert.equal(await now(), 'at-2');
    assert.equal(await now('at-1'), 'at-2');
    assert.equal(await now('at-2'), 'at-3');
    assert.deepEqual(written, [
      [undefined, 'at-1', 600],
      ['at-1', 'at-2', 600],
      ['at-2', 'at-3', 600],
    ]);
  } finally {
    time.restore();
  }
});

test('with a lock, a token that another process got in the meantime is used', async () => {
  const store = new MemoryTokenStore();
  const other = manager({ store });
  const keys: string[] = [];
  const lock = {
    async acquire(key: string) {
      keys.push(key);
      await other.tokens.getToken();
      return 'me';
    },
    release: () => undefined,
  };
  const one = manager({ store, lock });
  assert.equal((await one.tokens.getToken()).accessToken, 'at-1');
  assert.equal(one.sent.length, 0);
  assert.match(keys[0] ?? '', /^client-token:/);
  assert.equal(keys.length, 1);
});

test('two calls at the same time send one request', async () => {
  const { tokens, sent } = manager();
  const [one, two] = await Promise.all([tokens.getToken(), tokens.getToken()]);
  assert.equal(one, two);
  assert.equal(sent.length, 1);
});

for (const code of ['ECONNREFUSED', 'ECONNRESET']) {
  test(`after ${code} a request is sent once more`, async () => {
    const { tokens, config } = manager();
    const send = config[customFetch];
    let times = 0;
    config[customFetch] = (url, options) => {
      times += 1;
      const cause = Object.assign(new Error('of the socket'), { code });
      if (times === 1) return Promise.reject(new TypeError('fetch failed', { cause }));
      return send?.(url, options) ?? assert.fail();
    };
    assert.equal((await tokens.getToken()).accessToken, 'at-1');
    assert.equal(times, 2);
  });
}

test('a usable token needs no lock', async () => {
  let acquired = 0;
  const lock = {
    async acquire() {
      acquired += 1;
      return 'me';
    },
    release: () => undefined,
  };
  const { tokens, sent } = manager({ lock });
  for (const _again of [1, 2, 3]) await tokens.getToken();
  assert.deepEqual([acquired, sent.length], [1, 1]);
});
