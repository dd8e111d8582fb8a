import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js';
import {
  type AuthenticationEvent,
  authenticateClient,
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  clientMetadataDocuments,
  MemoryReplayStore,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
  RemoteJwkSets,
  validateRequestObject,
} from '../../lib/index.js';
import { type McpServerProvider, mcpAuthRouter } from '../../lib/mcp/index.js';
import { type RedisClient, RedisReplayStore } from '../../lib/replay/redis.js';
import { ISSUER, signAssertion } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';

// TypeScript refuses these where they are written as literals; nobody does in JavaScript.

const strategy = (options: object) =>
  new PrivateKeyJwtStrategy({ issuer: ISSUER, ...options }, () => undefined);
const clientsStore: OAuthRegisteredClientsStore = { getClient: () => undefined };
const provider = { clientsStore, authorize() {} } as unknown as McpServerProvider;
const mcp = { provider, issuerUrl: new URL(ISSUER) };
const request = { request: 'x', client: CLIENT, issuer: ISSUER };

/** What takes options, with those that there are not, and what is said of them. */
const REFUSED: readonly (readonly [make: () => unknown, sentence: string])[] = [
  [
    () => strategy({ audiance: 'strict' }),
    'PrivateKeyJwtStrategy has no option audiance: use audience',
  ],
  [
    () => strategy({ token_endpoint: `${ISSUER}/token` }),
    'PrivateKeyJwtStrategy has no option token_endpoint: use tokenEndpoint',
  ],
  [
    () => new ClientAssertionValidator({ issuer: ISSUER } as object, () => undefined),
    'ClientAssertionValidator has no option issuer: give it to validate or authenticate',
  ],
  [() => strategy({ jwksUri: { maxAges: 60 } }), 'RemoteJwkSets has no option maxAges: use maxAge'],
  [
    () => new RemoteJwkSets({ allowedNetwork: [] } as object),
    'RemoteJwkSets has no option allowedNetwork: use allowedNetworks',
  ],
  [
    () => strategy({ strict: true }),
    "PrivateKeyJwtStrategy has no option strict: use audience: 'issuer'",
  ],
  [
    () => strategy({ passReqToCallback: true }),
    'PrivateKeyJwtStrategy has no option passReqToCallback: the lookup always gets the request, as its second argument',
  ],
  [() => strategy({ jwksUri: true }), 'The options of RemoteJwkSets must be an object'],
  [
    () => authenticateClient(strategy({}), { onAuthentication: () => {} } as object),
    'authenticateClient has no option onAuthentication: give it to the strategy',
  ],
  [
    () => authenticateClient(strategy({}), { otherwise: 5 as never }),
    'otherwise must be a function',
  ],
  [
    () => mcpAuthRouter({ ...mcp, clientAssertions: {} } as Parameters<typeof mcpAuthRouter>[0]),
    'mcpAuthRouter has no option clientAssertions: use clientAssertion',
  ],
  [
    () => mcpAuthRouter({ ...mcp, clientAssertion: { audiance: 'strict' } as object }),
    'clientAssertion has no option audiance: use audience',
  ],
  [
    () => mcpAuthRouter({ ...mcp, clientAssertion: { issuer: ISSUER } as object }),
    'clientAssertion has no option issuer: the router has issuerUrl',
  ],
  [
    () => clientMetadataDocuments({ allowhost: () => true } as object),
    'clientMetadataDocuments has no option allowhost: use allowHost',
  ],
  [
    () => new MemoryReplayStore({ max: 5 } as object),
    'MemoryReplayStore has no option max: there are maxEntries',
  ],
  [
    () => new RedisReplayStore({} as RedisClient, { keyPrefix: 'a' } as object),
    'RedisReplayStore has no option keyPrefix: use prefix',
  ],
];

for (const [make, sentence] of REFUSED) {
  test(`an option that would be ignored is refused: ${sentence}`, () => {
    assert.throws(make, { name: 'TypeError', message: sentence });
  });
}

for (const [options, message] of [
  [{ reqireTyp: true }, 'validateRequestObject has no option reqireTyp: use requireTyp'],
  [{ audience: ISSUER }, 'validateRequestObject has no option audience: it is the issuer'],
  [
    { jwksUri: { timeout: 1 } },
    'jwksUri must be a RemoteJwkSets, which keeps keys from call to call',
  ],
] as const) {
  test(`an option that would be ignored is refused: ${message}`, async () => {
    const validation = validateRequestObject({ ...request, ...options } as typeof request);
    await assert.rejects(validation, { name: 'TypeError', message });
  });
}

/** Options as a class of settings has them: none is a property of the instance. */
class Settings {
  get issuer() {
    return ISSUER;
  }
  get audience() {
    return 'issuer-string' as const;
  }
  get jwksUri() {
    return Object.create({ maxAge: -1 }) as object;
  }
}

test('inherited and computed options count like others', async () => {
  const { jwksUri: _, ...members } = Object.getOwnPropertyDescriptors(Settings.prototype);
  const settings = Object.create(Object.create({}, members)) as PrivateKeyJwtStrategyOptions;
  const events: unknown[] = [];
  const onAuthentication = ({ reason }: AuthenticationEvent) => events.push(reason);
  const options = Object.create(settings, { onAuthentication: { value: onAuthentication } });
  const validator = new ClientAssertionValidator(options, () => CLIENT);
  const client_assertion = await signAssertion('client', { claims: { aud: [ISSUER] } });
  const parameters = { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE };
  await assert.rejects(validator.validate({ issuer: ISSUER, parameters }));
  assert.deepEqual(events, ['audience_mismatch']);
  assert.throws(() => strategy({ jwksUri: new Settings().jwksUri }), /maxAge must be/);
});

test('options that are undefined count as not given', () => {
  const options = { audience: undefined, replay: undefined, jwksUri: undefined };
  assert.ok(strategy(options) instanceof PrivateKeyJwtStrategy);
});

test('a strategy without options throws and names what is missing', () => {
  const without = () =>
    new PrivateKeyJwtStrategy(
      undefined as unknown as PrivateKeyJwtStrategyOptions,
      () => undefined,
    );
  assert.throws(without, /^TypeError: issuer must be an absolute URL/);
});
