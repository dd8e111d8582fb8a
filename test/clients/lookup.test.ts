import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FindClient, lookUpClient } from '../../lib/clients/lookup.js';
import { type AssertionClient, ClientAuthenticationError } from '../../lib/index.js';

const CLIENT: AssertionClient = { clientId: 'client', secrets: [] };
const later = (run: () => void) => setTimeout(run, 5);
const gone = new Error('the database is gone');

type Expected = 'client' | 'unknown_client' | 'client_lookup_failed';

/** How a lookup may answer, and what comes of it. */
const LOOKUPS: Readonly<Record<string, readonly [FindClient<AssertionClient>, Expected]>> = {
  'returns the client': [() => CLIENT, 'client'],
  'returns undefined': [() => undefined, 'unknown_client'],
  'returns null': [() => null, 'unknown_client'],
  'resolves to the client': [async () => CLIENT, 'client'],
  'resolves to undefined': [async () => undefined, 'unknown_client'],
  throws: [
    () => {
      throw gone;
    },
    'client_lookup_failed',
  ],
  rejects: [async () => Promise.reject(gone), 'client_lookup_failed'],
  'returns a text': [() => 'client' as never, 'client_lookup_failed'],
  'returns 5': [() => 5 as never, 'client_lookup_failed'],
  'returns a client whose maxLifetime is a text': [
    () => ({ ...CLIENT, maxLifetime: '600' as never }),
    'client_lookup_failed',
  ],
  'returns a client whose maxLifetime is no number': [
    async () => ({ ...CLIENT, maxLifetime: Number.NaN }),
    'client_lookup_failed',
  ],
  'returns another client': [() => ({ ...CLIENT, clientId: 'CLIENT' }), 'unknown_client'],
  'calls done at once': [(_id, _context, done) => done(null, CLIENT), 'client'],
  'calls done later': [(_id, _context, done) => void later(() => done(null, CLIENT)), 'client'],
  'calls done with false': [(_id, _context, done) => done(null, false), 'unknown_client'],
  'calls done with null': [(_id, _context, done) => done(null, null), 'unknown_client'],
  'calls done with nothing': [(_id, _context, done) => done(undefined), 'unknown_client'],
  'calls done with an error': [(_id, _context, done) => done(gone), 'client_lookup_failed'],
  'calls done with an error later': [
    (_id, _context, done) => void later(() => done(gone, CLIENT)),
    'client_lookup_failed',
  ],
  'calls done with another client': [
    (_id, _context, done) => done(null, { ...CLIENT, clientId: 'other' }),
    'unknown_client',
  ],
  'calls done with a text later': [
    (_id, _context, done) => void later(() => done(null, 'client' as never)),
    'client_lookup_failed',
  ],
  'is async and calls done': [async (_id, _context, done) => done(null, CLIENT), 'client'],
  'is async and calls done after it has resolved': [
    async (_id, _context, done) => void later(() => done(null, CLIENT)),
    'client',
  ],
  'is async, takes any number of arguments and calls the last one': [
    async (...args) => {
      await new Promise((resolve) => setImmediate(resolve));
      args[2](null, CLIENT);
    },
    'client',
  ],
  'has three parameters and returns the client': [(_id, _context, _done) => CLIENT, 'client'],
  'has three parameters and returns null': [(_id, _context, _done) => null, 'unknown_client'],
  'has two parameters and returns nothing': [(_id, _context) => undefined, 'unknown_client'],
  'is async, has three parameters and resolves to the client': [
    async (_id, _context, _done) => CLIENT,
    'client',
  ],
  'calls done twice': [
    (_id, _context, done) => {
      done(null, CLIENT);
      done(gone);
    },
    'client',
  ],
  'calls done and then throws': [
    (_id, _context, done) => {
      done(null, CLIENT);
      throw gone;
    },
    'client',
  ],
  'calls done and then rejects': [
    async (_id, _context, done) => {
      done(null, CLIENT);
      throw gone;
    },
    'client',
  ],
  'calls done with an error and then resolves to the client': [
    async (_id, _context, done) => {
      done(gone);
      return CLIENT;
    },
    'client_lookup_failed',
  ],
};

for (const [how, [find, expected]] of Object.entries(LOOKUPS)) {
  test(`a lookup that ${how}: ${expected}`, async () => {
    const { client, failure } = await lookUpClient(find, 'client', undefined, 5);
    assert.equal(client === undefined ? failure?.reason : 'client', expected);
    if (client !== undefined) assert.deepEqual(client, CLIENT);
  });
}

for (const [how, find] of Object.entries({
  'never calls done': (_id, _context, _done) => undefined,
  'never resolves': () => new Promise(() => undefined),
  'resolves to nothing and never calls done': async (_id, _context, _done) => undefined,
} satisfies Record<string, FindClient<AssertionClient>>)) {
  test(`a lookup that ${how} fails closed after the deadline`, async () => {
    const { failure } = await lookUpClient(find, 'client', undefined, 0.05);
    assert.equal(failure?.reason, 'client_lookup_failed');
    assert.match(String(failure?.cause), /The lookup of the client took longer than 0.05 s/);
  });
}

test('the lookup gets the id and the context', () => {
  const given: unknown[] = [];
  const find: FindClient<AssertionClient> = (...args) => {
    given.push(args.slice(0, 2));
    return CLIENT;
  };
  lookUpClient(find, 'client', 'request', 5);
  assert.deepEqual(given, [['client', 'request']]);
});

for (const [what, client, message] of [
  [
    'is none',
    { secrets: [] },
    'The lookup must return { clientId, secrets: [...] } or undefined; clientFromMetadata makes a client from RFC 7591 metadata.',
  ],
  [
    'has a maxLifetime that is a text',
    { ...CLIENT, maxLifetime: '600' },
    "The client's maxLifetime must be a finite number of seconds.",
  ],
] as const) {
  test(`a client that ${what} is refused with what is wrong`, async () => {
    const found = await lookUpClient(() => client as never, 'client', undefined, 5);
    await assert.rejects(Promise.reject(found.failure?.cause), { name: 'TypeError', message });
  });
}

test("a lookup's own reason stays, however it is said; expected, actual and cause too", async () => {
  const own = {
    reason: 'client_metadata_document_failed',
    expected: 'a document',
    actual: 'none',
    cause: gone,
  } as const;
  const finds: readonly FindClient<AssertionClient>[] = [
    () => {
      throw new ClientAuthenticationError(own);
    },
    async () => Promise.reject(new ClientAuthenticationError(own)),
    (_id, _context, done) => done(new ClientAuthenticationError(own)),
  ];
  for (const find of finds) {
    const { failure } = await lookUpClient(find, 'client', undefined, 5);
    assert.deepEqual(failure, own);
  }
});
