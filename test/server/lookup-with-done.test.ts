import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AssertionClient,
  ClientAuthenticationError,
  type FindClient,
} from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const client: AssertionClient = {
  clientId: 'client',
  secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }],
};
const AWAY = new Error('The database is away.');

type Lookup = FindClient<AssertionClient>;
type Done = (error: unknown, client?: AssertionClient) => void;

/** As the mixin of @nestjs/passport makes it of a method `validate`. */
const mixin =
  (validate: () => unknown): Lookup =>
  async (...parameters: unknown[]) => {
    const done = parameters.at(-1) as Done;
    try {
      done(null, (await validate()) as AssertionClient);
    } catch (error) {
      done(error);
    }
  };

const rejects = () => Promise.reject(AWAY);
const refuses = () => {
  throw new ClientAuthenticationError({ reason: 'client_disabled' });
};

const LOOKUPS: Readonly<Record<string, [Lookup, number, string]>> = {
  'calls done with the client at once': [
    (_id, _context, done) => done(null, client),
    200,
    'success',
  ],
  'calls done with the client later': [
    (_id, _context, done) => {
      setImmediate(done, null, client);
    },
    200,
    'success',
  ],
  'calls done later, and resolves before': [
    async (_id, _context, done) => {
      setImmediate(done, null, client);
    },
    200,
    'success',
  ],
  'calls done twice: the first call counts': [
    (_id, _context, done) => {
      done(null, client);
      done(AWAY);
    },
    200,
    'success',
  ],
  'returns the client, and calls done with an error afterwards': [
    (_id, _context, done) => {
      setImmediate(done, AWAY);
      return client as never;
    },
    200,
    'success',
  ],
  'calls done with false': [(_id, _context, done) => done(null, false), 401, 'unknown_client'],
  'calls done with nothing': [(_id, _context, done) => done(null), 401, 'unknown_client'],
  'calls done with an error': [(_id, _context, done) => done(AWAY), 503, 'client_lookup_failed'],
  'calls done with an error later': [
    (_id, _context, done) => {
      setImmediate(done, AWAY);
    },
    503,
    'client_lookup_failed',
  ],
  'never calls done': [(_id, _context, _done) => undefined, 503, 'client_lookup_failed'],
  'has no third parameter and returns nothing': [(_id: string) => undefined, 401, 'unknown_client'],
  'returns false': [() => false as never, 401, 'unknown_client'],
  'is a mixin that returns the client': [mixin(() => client), 200, 'success'],
  'is a mixin that resolves with the client': [mixin(async () => client), 200, 'success'],
  'is a mixin that returns null': [mixin(() => null), 401, 'unknown_client'],
  'is a mixin that rejects': [mixin(rejects), 503, 'client_lookup_failed'],
  'is a mixin that refuses the client': [mixin(refuses), 401, 'client_disabled'],
};

for (const [what, [lookup, status, outcome]] of Object.entries(LOOKUPS)) {
  test(`a lookup that ${what}: ${status}, ${outcome}`, async (t) => {
    const endpoint = await tokenEndpoint(lookup as FindClient<AssertionClient>, {
      timeout: 0.2,
    });
    t.after(() => endpoint.close());
    const response = await endpoint.post(assertionForm(await signAssertion()));
    assert.equal(response.status, status);
    const event = endpoint.events.at(-1);
    assert.equal(event?.reason ?? event?.outcome, outcome);
  });
}
