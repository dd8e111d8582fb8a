import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express, { type RequestHandler } from 'express';
import { Passport } from 'passport';
import {
  type AssertionClient,
  authenticateClient,
  oauthErrorHandler,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from '../../lib/index.js';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { clientWith, jwkSecret } from '../support/attacks.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { mcpAuthorizationServer, proved, withKeys } from '../support/mcp-authorization-server.js';
import { oauthAnswer } from '../support/oauth-answer.js';

// RFC 6749 §5.2: invalid_client is 400 or 401, and 401 with a challenge if the request has an
// Authorization header.

const CLIENTS: readonly AssertionClient[] = [
  clientWith('client', [jwkSecret(keyPair('ES256'))]),
  { ...clientWith('disabled', [jwkSecret(keyPair('ES256'))]), disabled: true },
];

type Mount = (strategy: PrivateKeyJwtStrategy) => RequestHandler;

const MOUNTS: Readonly<Record<string, Mount>> = {
  authenticateClient: (strategy) => authenticateClient(strategy),
  'passport.authenticate': (strategy) => {
    const passport = new Passport();
    passport.use(strategy);
    return passport.authenticate('private-key-jwt', { session: false, failWithError: true });
  },
};

async function server(
  t: TestContext,
  mount: Mount,
  options: Partial<PrivateKeyJwtStrategyOptions>,
  find = (clientId: string) => CLIENTS.find((client) => client.clientId === clientId),
) {
  const strategy = new PrivateKeyJwtStrategy(
    { issuer: ISSUER, tokenEndpoint: TOKEN_ENDPOINT, ...options },
    find,
  );
  const app = express();
  const parse = express.urlencoded({ extended: false });
  app.post('/token', parse, mount(strategy), (request, response) => {
    response.json({ clientId: (request.user as AssertionClient).clientId });
  });
  app.use(oauthErrorHandler(strategy));
  const listening = await listen(app);
  t.after(() => listening.close());
  return (body: URLSearchParams, headers: Record<string, string> = {}) =>
    fetch(`${listening.url}/token`, { method: 'POST', headers, body });
}

/** Requests that are refused with invalid_client. */
const REFUSED: Readonly<Record<string, () => Promise<URLSearchParams>>> = {
  'no assertion': async () => new URLSearchParams({ grant_type: 'client_credentials' }),
  'a wrong key': async () =>
    assertionForm(await signAssertion('client', { pair: newKeyPair('ES256') })),
  'an unknown client': async () => assertionForm(await signAssertion('stranger')),
  'a disabled client': async () => assertionForm(await signAssertion('disabled')),
  'an expired assertion': async () =>
    assertionForm(await signAssertion('client', { claims: { exp: 1 } })),
  'no JWT': async () => assertionForm('a'),
  'another client_id': async () => assertionForm(await signAssertion(), { client_id: 'other' }),
};

for (const [how, mount] of Object.entries(MOUNTS)) {
  for (const invalidClientStatus of [400, 401, undefined] as const) {
    const status = invalidClientStatus ?? 401;

    for (const [name, headers] of Object.entries({
      'without an Authorization header': {},
      'with an empty Authorization header': { authorization: '' },
      'with an Authorization header of blanks': { authorization: '  ' },
    })) {
      test(`${how}, invalidClientStatus ${invalidClientStatus}: invalid_client ${name} is ${status} without a challenge`, async (t) => {
        const post = await server(t, mount, { invalidClientStatus });
        for (const [what, form] of Object.entries(REFUSED)) {
          const answer = await oauthAnswer(await post(await form(), headers));
          assert.deepEqual([answer.status, answer.error], [status, 'invalid_client'], what);
          assert.equal(answer.headers.get('www-authenticate'), null, what);
        }
      });
    }

    test(`${how}, invalidClientStatus ${invalidClientStatus}: an Authorization header makes it 401 with a challenge of its scheme`, async (t) => {
      const post = await server(t, mount, { invalidClientStatus, ignoreAuthorizationHeader: true });
      for (const [what, form] of Object.entries(REFUSED)) {
        for (const scheme of ['Basic', 'Bearer']) {
          const authorization = `${scheme} YTpi`;
          const answer = await oauthAnswer(await post(await form(), { authorization }));
          assert.deepEqual([answer.status, answer.error], [401, 'invalid_client'], what);
          assert.match(answer.headers.get('www-authenticate') ?? '', new RegExp(`^${scheme} `));
        }
      }
    });

    test(`${how}, invalidClientStatus ${invalidClientStatus}: other errors keep their status`, async (t) => {
      const post = await server(t, mount, { invalidClientStatus });
      const alone = new URLSearchParams({ client_assertion: await signAssertion() });
      const twoMethods = assertionForm(await signAssertion(), { client_secret: 'secret' });
      for (const form of [alone, twoMethods]) {
        const answer = await oauthAnswer(await post(form));
        assert.deepEqual([answer.status, answer.error], [400, 'invalid_request']);
      }
      const failing = await server(t, mount, { invalidClientStatus }, () => {
        throw new Error('the database is down');
      });
      const outage = await oauthAnswer(await failing(assertionForm(await signAssertion())));
      assert.deepEqual([outage.status, outage.error], [503, 'temporarily_unavailable']);
    });
  }

  test(`${how}: an empty Authorization header does not count as a second method`, async (t) => {
    const post = await server(t, mount, {});
    for (const authorization of ['', ' ', '\t']) {
      const response = await post(assertionForm(await signAssertion()), { authorization });
      assert.deepEqual(await response.json(), { clientId: 'client' });
    }
  });

  test(`${how}: an Authorization header is a second method unless ignoreAuthorizationHeader is set`, async (t) => {
    const headers = { authorization: 'Bearer of-the-gateway' };
    const strict = await server(t, mount, {});
    const refused = await oauthAnswer(await strict(assertionForm(await signAssertion()), headers));
    assert.deepEqual([refused.status, refused.error], [400, 'invalid_request']);
    const lenient = await server(t, mount, { ignoreAuthorizationHeader: true });
    const accepted = await lenient(assertionForm(await signAssertion()), headers);
    assert.deepEqual(await accepted.json(), { clientId: 'client' });
    // It is the header alone that does not count.
    const secret = assertionForm(await signAssertion(), { client_secret: 'secret' });
    const twoMethods = await oauthAnswer(await lenient(secret, headers));
    assert.deepEqual([twoMethods.status, twoMethods.error], [400, 'invalid_request']);
  });
}

for (const invalidClientStatus of [400, 401] as const) {
  test(`the MCP router answers invalid_client with ${invalidClientStatus}`, async (t) => {
    const clientAssertion = { invalidClientStatus };
    const { post } = await mcpAuthorizationServer(t, [withKeys], { clientAssertion });
    const form = { grant_type: 'client_credentials' };
    for (const refused of [
      await proved(form, { claims: { exp: 1 } }),
      await proved(form, { pair: newKeyPair('ES256') }),
      { ...form, client_id: 'client' },
    ]) {
      const answer = await oauthAnswer(await post('/token', refused));
      assert.deepEqual([answer.status, answer.error], [invalidClientStatus, 'invalid_client']);
    }
  });
}
