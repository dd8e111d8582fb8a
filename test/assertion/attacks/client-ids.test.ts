import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AssertionClient, ClientAssertionValidator } from '../../../lib/index.js';
import { assertionForm, signAssertion, validClaims } from '../../support/assertion.js';
import { type Attack, CLIENT, clientWith, jwkSecret, testAttacks } from '../../support/attacks.js';
import { keyPair, newKeyPair } from '../../support/keys.js';
import { oauthAnswer } from '../../support/oauth-answer.js';
import { rawAssertion } from '../../support/raw-jws.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';
import { outcome } from '../../support/validator.js';

const PROTOTYPE_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'];

const UNUSUAL = [
  ...PROTOTYPE_NAMES,
  'https://client.example/metadata.json',
  'https://client.example/?a=b&c=d#e',
  'urn:example:client',
  'client:with:colons',
  'client with spaces',
  'клиент',
  '客户端',
  '\u{1f511}',
  'é',
  '"quoted"',
  '0',
  'null',
  'undefined',
  'x'.repeat(2000),
];

const shown = (text: string): string => JSON.stringify(text).slice(0, 50);

const NEAR_MISSES: readonly (readonly [string, string])[] = [
  ['the other form of a letter with an accent (NFD)', 'e\u0301'],
  ['capitals', 'CLIENT'],
  ['a blank at the end', 'client '],
  ['a zero byte at the end', 'client\u0000'],
  ['a zero-width space', 'cli\u200bent'],
  ['a mark that turns the direction of writing', '\u202eclient'],
  ['a Cyrillic letter', '\u0441lient'],
  ['full-width letters', '\uff43lient'],
  ['a lone surrogate', 'client\ud800'],
  ['a slash at the end of a URL', 'https://client.example/metadata.json/'],
  ['a URL in capitals', 'HTTPS://client.example/metadata.json'],
  ['a URL with a dot segment', 'https://client.example/./metadata.json'],
  ['a wildcard', '*'],
  ['a wildcard of SQL', 'clien%'],
  ['a quote of SQL', "' OR 1=1 --"],
  ['an operator of MongoDB', '{"$ne":null}'],
  ['a path', '../client'],
  ['five thousand letters', 'c'.repeat(5000)],
];

const asClient = (clientId: string): Attack['assertion'] => {
  return () => rawAssertion(undefined, validClaims(clientId));
};

await testAttacks(
  [
    ...UNUSUAL.map((clientId) => ({
      name: `a client that is registered as ${shown(clientId)}`,
      reason: undefined,
      assertion: asClient(clientId),
    })),
    ...NEAR_MISSES.map(([name, clientId]) => ({
      name: `an id that differs by ${name}: ${shown(clientId)}`,
      reason: 'unknown_client' as const,
      assertion: asClient(clientId),
    })),
  ],
  {
    clients: [CLIENT, ...UNUSUAL.map((id) => clientWith(id, [jwkSecret(keyPair('ES256'))]))],
  },
);

await testAttacks(
  PROTOTYPE_NAMES.map((clientId) => ({
    name: `${clientId} as the id of no client`,
    reason: 'unknown_client',
    assertion: asClient(clientId),
  })),
);

const lookup = (find: (clientId: string) => unknown) =>
  new ClientAssertionValidator({ timeout: 0.05 }, (clientId) => find(clientId) as undefined);

test('a client id such as __proto__ is no client, even if the lookup uses a plain object', async () => {
  const clients: Record<string, AssertionClient> = { client: CLIENT };
  const validator = lookup((clientId) => clients[clientId]);
  for (const clientId of PROTOTYPE_NAMES) {
    const reason = await outcome(validator, await signAssertion(clientId));
    assert.match(String(reason), /^(unknown_client|client_lookup_failed)$/);
  }
  assert.equal(await outcome(validator, await signAssertion()), undefined);
});

test('a client with another spelling of the id counts as unknown (databases that ignore case or accents)', async () => {
  const validator = lookup((clientId) =>
    clientId.toLowerCase() === 'client' ? CLIENT : undefined,
  );
  assert.equal(await outcome(validator, await signAssertion('CLIENT')), 'unknown_client');
  assert.equal(await outcome(validator, await signAssertion('client')), undefined);
});

test('an unknown client and a bad signature get the same answer', async (t) => {
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => endpoint.close());
  const read = async (assertion: string) => {
    const response = await endpoint.post(assertionForm(assertion));
    const { headers, ...answer } = await oauthAnswer(response);
    return { ...answer, names: [...headers.keys()], length: headers.get('content-length') };
  };
  const forged = await signAssertion('client', { pair: newKeyPair('ES256') });
  const unknown = await signAssertion('unknown', { pair: newKeyPair('ES256') });
  assert.deepEqual(await read(forged), await read(unknown));
  const reasons = endpoint.events.map(({ reason }) => reason);
  assert.deepEqual(reasons, ['signature_invalid', 'unknown_client']);
});
