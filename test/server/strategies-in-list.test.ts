import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  authenticateClient,
  CLIENT_ASSERTION_TYPE,
  type Reason,
  requiresClientAssertion,
} from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import {
  basic,
  type ClientEndpoint,
  clientEndpoint,
  type MakeMiddleware,
  type SecretClient,
} from '../support/client-endpoint.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { oauthAnswer } from '../support/oauth-answer.js';

const SECRETS = [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }] as const;

const CLIENTS: readonly SecretClient[] = [
  { clientId: 'client', secrets: SECRETS, clientSecret: 'old' },
  { clientId: 'moving', secrets: SECRETS, clientSecret: 'old', clientSecretAllowed: true },
  { clientId: 'password', secrets: [], clientSecret: 'only' },
  {
    clientId: 'basic-with-keys',
    secrets: SECRETS,
    clientSecret: 'only',
    tokenEndpointAuthMethod: 'client_secret_basic',
  },
];

const ASSERTION = 'private-key-jwt';
const POST = 'oauth2-client-password';
const BASIC = 'basic';

const LISTS: readonly (readonly string[])[] = [
  [ASSERTION],
  [ASSERTION, POST],
  [POST, ASSERTION],
  [ASSERTION, BASIC],
  [BASIC, ASSERTION],
  [ASSERTION, POST, BASIC],
  [ASSERTION, BASIC, POST],
  [POST, ASSERTION, BASIC],
  [POST, BASIC, ASSERTION],
  [BASIC, ASSERTION, POST],
  [BASIC, POST, ASSERTION],
];

const withPassport =
  (list: readonly string[]): MakeMiddleware =>
  (passport) =>
    passport.authenticate([...list], { session: false, failWithError: true });

const withAuthenticateClient =
  (list: readonly string[]): MakeMiddleware =>
  (passport, strategy) => {
    const others = list.filter((name) => name !== ASSERTION);
    if (others.length === 0) return authenticateClient(strategy);
    const otherwise = passport.authenticate(others, { session: false, failWithError: true });
    return authenticateClient(strategy, { otherwise });
  };

/** The two ways to authenticate, each as its guide shows it. */
const WAYS = {
  failWithError: { middleware: withPassport, mayUseSecret: pinned },
  authenticateClient: { middleware: withAuthenticateClient, mayUseSecret: undefined },
} as const;

function pinned(client: SecretClient): boolean {
  return !requiresClientAssertion(client);
}

interface Expected {
  readonly status: 400 | 401;
  readonly error: 'invalid_request' | 'invalid_client';
  readonly challenge?: string;
  readonly reason?: Reason;
}

const UNAUTHENTICATED: Expected = { status: 401, error: 'invalid_client' };

async function assertRefused(
  endpoint: ClientEndpoint,
  response: Response,
  expected: Expected,
): Promise<void> {
  const answer = await oauthAnswer(response);
  assert.equal(answer.status, expected.status);
  assert.equal(answer.error, expected.error);
  assert.equal(answer.headers.get('www-authenticate') ?? undefined, expected.challenge);
  const reasons = endpoint.events.splice(0).map(({ reason }) => reason);
  assert.deepEqual(reasons, expected.reason === undefined ? [] : [expected.reason]);
}

async function assertAccepted(response: Response, clientId: string): Promise<void> {
  assert.equal(response.status, 200);
  const { user } = (await response.json()) as { user: SecretClient };
  assert.equal(user.clientId, clientId);
}

const secretForm = (client_id: string, client_secret: string) =>
  new URLSearchParams({ client_id, client_secret });

/** By which methods clients have proved themselves, since this was last asked. */
const methodsOf = ({ events }: ClientEndpoint) => events.splice(0).map(({ method }) => method);

for (const [way, { middleware, mayUseSecret }] of Object.entries(WAYS)) {
  const seen = (method: string) => (way === 'authenticateClient' ? [method] : []);
  // Passport alone tells nobody of other strategies, nor that none has accepted a request.
  const unaccepted: Expected =
    way === 'authenticateClient'
      ? { ...UNAUTHENTICATED, reason: 'client_assertion_absent' }
      : UNAUTHENTICATED;
  for (const list of LISTS) {
    const start = async (t: TestContext) => {
      const endpoint = await clientEndpoint(CLIENTS, middleware(list), mayUseSecret);
      t.after(() => endpoint.close());
      return endpoint;
    };

    test(`${way}, [${list}]: an assertion is accepted or refused by its own strategy`, async (t) => {
      const endpoint = await start(t);
      await assertAccepted(await endpoint.post(assertionForm(await signAssertion())), 'client');
      assert.equal(endpoint.events.shift()?.outcome, 'success');
      const forged = await signAssertion('client', { pair: newKeyPair('ES256') });
      const response = await endpoint.post(assertionForm(forged));
      const expected: Expected = { ...UNAUTHENTICATED, reason: 'signature_invalid' };
      await assertRefused(endpoint, response, expected);
      assert.deepEqual(endpoint.asked, []);
    });

    test(`${way}, [${list}]: without credentials the answer has no challenge (RFC 6749 §5.2)`, async (t) => {
      const endpoint = await start(t);
      const response = await endpoint.post(new URLSearchParams({ grant_type: 'x' }));
      await assertRefused(endpoint, response, unaccepted);
    });

    test(`${way}, [${list}]: client_secret_post works if its strategy is there`, async (t) => {
      const endpoint = await start(t);
      const right = await endpoint.post(secretForm('password', 'only'));
      if (list.includes(POST)) {
        await assertAccepted(right, 'password');
        assert.deepEqual(methodsOf(endpoint), seen('client_secret_post'));
      } else await assertRefused(endpoint, right, unaccepted);
      const wrong = await endpoint.post(secretForm('password', 'wrong'));
      await assertRefused(endpoint, wrong, unaccepted);
    });

    test(`${way}, [${list}]: client_secret_basic works if its strategy is there, else is challenged`, async (t) => {
      const endpoint = await start(t);
      const form = () => new URLSearchParams({ grant_type: 'x' });
      const isTheirs = list.includes(BASIC) && way === 'failWithError';
      const realm = isTheirs ? 'clients' : 'OAuth';
      const refused = { ...unaccepted, challenge: `Basic realm="${realm}"` };
      const right = await endpoint.post(form(), basic('password', 'only'));
      if (list.includes(BASIC)) {
        await assertAccepted(right, 'password');
        assert.deepEqual(methodsOf(endpoint), seen('client_secret_basic'));
      } else await assertRefused(endpoint, right, refused);
      const wrong = await endpoint.post(form(), basic('password', 'wrong'));
      await assertRefused(endpoint, wrong, refused);
    });

    test(`${way}, [${list}]: a client with secrets for assertions needs one`, async (t) => {
      const endpoint = await start(t);
      const expected: Expected =
        way === 'authenticateClient' && list.includes(POST)
          ? { ...UNAUTHENTICATED, reason: 'assertion_required' }
          : unaccepted;
      await assertRefused(endpoint, await endpoint.post(secretForm('client', 'old')), expected);

      const response = await endpoint.post(new URLSearchParams(), basic('client', 'old'));
      assert.equal((await oauthAnswer(response)).error, 'invalid_client');
      assert.match(response.headers.get('www-authenticate') ?? '', /^Basic /);
    });

    test(`${way}, [${list}]: clientSecretAllowed lets a client use both while it moves`, async (t) => {
      const endpoint = await start(t);
      const assertion = await signAssertion('moving');
      await assertAccepted(await endpoint.post(assertionForm(assertion)), 'moving');
      const response = await endpoint.post(secretForm('moving', 'old'));
      assert.equal(response.status, list.includes(POST) ? 200 : 401);
    });

    test(`${way}, [${list}]: the registered method decides, whatever keys the client has (RFC 7591 §2)`, async (t) => {
      const endpoint = await start(t);
      const assertion = await signAssertion('basic-with-keys');
      await assertRefused(endpoint, await endpoint.post(assertionForm(assertion)), {
        ...UNAUTHENTICATED,
        reason: 'client_method_mismatch',
      });
      const response = await endpoint.post(secretForm('basic-with-keys', 'only'));
      assert.equal(response.status, list.includes(POST) ? 200 : 401);
    });

    const isSure = way === 'authenticateClient' || list[0] === ASSERTION;
    if (!isSure) continue;

    test(`${way}, [${list}]: two methods in one request are refused (RFC 6749 §2.3)`, async (t) => {
      const endpoint = await start(t);
      const expected: Expected = {
        status: 400,
        error: 'invalid_request',
        reason: 'multiple_authentication_methods',
      };
      const assertion = await signAssertion('moving');
      const id = { client_id: 'moving', client_secret: 'old' };
      const type = { client_assertion_type: CLIENT_ASSERTION_TYPE };
      const posts: [URLSearchParams, Record<string, string>?][] = [
        [assertionForm(assertion, id)],
        [assertionForm(assertion), basic('moving', 'old')],
        [assertionForm(assertion), { authorization: 'Bearer x' }],
        [new URLSearchParams({ ...type, ...id })],
      ];
      for (const [form, headers] of posts) {
        await assertRefused(endpoint, await endpoint.post(form, headers), expected);
      }
      assert.deepEqual(endpoint.asked, []);
    });
  }
}

test('authenticateClient refuses a client_secret next to an Authorization header (RFC 6749 §2.3)', async (t) => {
  const endpoint = await clientEndpoint(CLIENTS, withAuthenticateClient([POST, BASIC]));
  t.after(() => endpoint.close());
  const response = await endpoint.post(secretForm('password', 'only'), basic('password', 'only'));
  await assertRefused(endpoint, response, {
    status: 400,
    error: 'invalid_request',
    reason: 'multiple_authentication_methods',
  });
});

test('authenticateClient refuses repeated credentials (RFC 6749 §3.2)', async (t) => {
  const endpoint = await clientEndpoint(CLIENTS, withAuthenticateClient([POST, ASSERTION]));
  t.after(() => endpoint.close());
  for (const name of ['client_id', 'client_secret']) {
    const form = secretForm('password', 'only');
    form.append(name, form.get(name) ?? '');
    const response = await endpoint.post(form);
    await assertRefused(endpoint, response, {
      status: 400,
      error: 'invalid_request',
      reason: 'parameter_repeated',
    });
  }
  assert.deepEqual(endpoint.asked, []);
});

test('if otherwise uses assignProperty, req.user is empty, which is a ConfigurationError', async (t) => {
  const endpoint = await clientEndpoint(CLIENTS, (passport, strategy) => {
    const options = { session: false, failWithError: true, assignProperty: 'client' };
    return authenticateClient(strategy, { otherwise: passport.authenticate(POST, options) });
  });
  t.after(() => endpoint.close());
  const response = await endpoint.post(secretForm('client', 'old'));
  assert.equal(response.status, 500);
  const accepted = await endpoint.post(assertionForm(await signAssertion()));
  assert.equal(accepted.status, 200);
});

test('no other strategy can report the method of an assertion', async (t) => {
  const endpoint = await clientEndpoint(CLIENTS, (passport, strategy) => {
    passport.transformAuthInfo((info: object, done: (error: null, info: object) => void) =>
      done(null, { ...info, method: 'private_key_jwt' }),
    );
    const options = { session: false, failWithError: true };
    return authenticateClient(strategy, { otherwise: passport.authenticate(POST, options) });
  });
  t.after(() => endpoint.close());
  const response = await endpoint.post(secretForm('client', 'old'));
  await assertRefused(endpoint, response, { ...UNAUTHENTICATED, reason: 'assertion_required' });
});

const REQUIREMENTS: readonly (readonly [string, Partial<SecretClient>, boolean])[] = [
  ['secrets alone', { secrets: SECRETS }, true],
  ['no secrets', { secrets: [] }, false],
  ['no secrets, but disabled', { secrets: [], disabled: true }, true],
  ['nothing at all', {}, false],
  ['secrets and clientSecretAllowed', { secrets: SECRETS, clientSecretAllowed: true }, false],
  ['the method private_key_jwt', { secrets: [], tokenEndpointAuthMethod: 'private_key_jwt' }, true],
  [
    'the method client_secret_jwt',
    { secrets: [], tokenEndpointAuthMethod: 'client_secret_jwt' },
    true,
  ],
  [
    'keys and the method client_secret_post',
    { secrets: SECRETS, tokenEndpointAuthMethod: 'client_secret_post' },
    false,
  ],
  [
    'the method private_key_jwt and clientSecretAllowed',
    { secrets: SECRETS, tokenEndpointAuthMethod: 'private_key_jwt', clientSecretAllowed: true },
    false,
  ],
];

for (const [name, client, expected] of REQUIREMENTS) {
  test(`requiresClientAssertion is ${expected} for a client with ${name}`, () => {
    assert.equal(requiresClientAssertion(client), expected);
  });
}
