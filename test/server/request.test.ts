import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import { CLIENT_ASSERTION_TYPE, type Reason } from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { oauthAnswer } from '../support/oauth-answer.js';
import { type TokenEndpoint, tokenEndpoint } from '../support/token-endpoint.js';
import { requestWith, validatorOf } from '../support/validator.js';

const GRANT_TYPE_URN = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const CLIENTS = [
  { clientId: 'client', secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk }] },
] as const;

const FRAMEWORKS = { 'Express 5': express, 'Express 4': express4 };

/** A request, made of an assertion that would be accepted if the request were right. */
type MakeRequest = (assertion: string) => {
  readonly form: string | URLSearchParams;
  readonly headers?: Record<string, string>;
};

interface Refusal {
  readonly name: string;
  readonly request: MakeRequest;
  readonly status: 400 | 401;
  readonly error: 'invalid_request' | 'invalid_client';
  /** What the operator learns; absent where the strategy does not apply. */
  readonly reason?: Reason;
}

const invalidRequest = (name: string, reason: Reason, request: MakeRequest): Refusal => ({
  name,
  request,
  status: 400,
  error: 'invalid_request',
  reason,
});

const notApplied = (name: string, request: MakeRequest): Refusal => ({
  name,
  request,
  status: 401,
  error: 'invalid_client',
});

const form = (parameters: Record<string, string>) => new URLSearchParams(parameters);

const withMore = (more: Record<string, string>): MakeRequest => {
  return (assertion) => ({ form: assertionForm(assertion, more) });
};

const appended =
  (text: string): MakeRequest =>
  (assertion) => ({ form: `${assertionForm(assertion)}&${text}` });

const REFUSALS: readonly Refusal[] = [
  notApplied('neither parameter', () => ({ form: form({ grant_type: 'client_credentials' }) })),
  notApplied('an empty form', () => ({ form: '' })),
  notApplied('both parameters without a value', () => ({
    form: form({ client_assertion: '', client_assertion_type: '' }),
  })),
  notApplied('parameters that are named like members of every object', () => ({
    form: '__proto__=x&constructor=x&toString=x&hasOwnProperty=x',
  })),
  notApplied('an assertion in a JSON body', (assertion) => ({
    form: JSON.stringify({
      client_assertion: assertion,
      client_assertion_type: CLIENT_ASSERTION_TYPE,
    }),
    headers: { 'content-type': 'application/json' },
  })),
  notApplied('an assertion under __proto__ in a JSON body', (assertion) => ({
    form: `{"__proto__":{"client_assertion":"${assertion}"}}`,
    headers: { 'content-type': 'application/json' },
  })),
  notApplied('an assertion in a form that says it is text', (assertion) => ({
    form: assertionForm(assertion).toString(),
    headers: { 'content-type': 'text/plain' },
  })),
  invalidRequest('client_assertion alone', 'client_assertion_type_missing', (assertion) => ({
    form: form({ client_assertion: assertion }),
  })),
  invalidRequest('client_assertion_type alone', 'client_assertion_missing', () => ({
    form: form({ client_assertion_type: CLIENT_ASSERTION_TYPE }),
  })),
  invalidRequest('an empty client_assertion', 'client_assertion_missing', () => ({
    form: form({ client_assertion: '', client_assertion_type: CLIENT_ASSERTION_TYPE }),
  })),
  invalidRequest('an empty client_assertion_type', 'client_assertion_type_missing', (it) => ({
    form: form({ client_assertion: it, client_assertion_type: '' }),
  })),
  ...[
    'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
    CLIENT_ASSERTION_TYPE.toUpperCase(),
    ` ${CLIENT_ASSERTION_TYPE}`,
    `${CLIENT_ASSERTION_TYPE}/`,
    'jwt-bearer',
    '__proto__',
  ].map((type) =>
    invalidRequest(`the unknown type "${type}"`, 'client_assertion_type_unsupported', (it) => ({
      form: form({ client_assertion: it, client_assertion_type: type }),
    })),
  ),
  invalidRequest(
    'the URN of the grant type',
    'client_assertion_type_is_grant_type',
    (assertion) => ({
      form: form({ client_assertion: assertion, client_assertion_type: GRANT_TYPE_URN }),
    }),
  ),
  invalidRequest('client_assertion twice', 'parameter_repeated', (assertion) => ({
    form: `${assertionForm(assertion)}&client_assertion=${assertion}`,
  })),
  invalidRequest(
    'client_assertion_type twice',
    'parameter_repeated',
    appended(`client_assertion_type=${CLIENT_ASSERTION_TYPE}`),
  ),
  invalidRequest(
    'client_id twice',
    'parameter_repeated',
    appended('client_id=client&client_id=client'),
  ),
  invalidRequest(
    'client_secret twice',
    'parameter_repeated',
    appended('client_secret=a&client_secret=b'),
  ),
  invalidRequest(
    'client_secret too',
    'multiple_authentication_methods',
    withMore({ client_secret: 'secret' }),
  ),
  invalidRequest(
    'client_secret and client_assertion without a type',
    'multiple_authentication_methods',
    (assertion) => ({ form: form({ client_assertion: assertion, client_secret: 'secret' }) }),
  ),
  ...['Basic Y2xpZW50OnNlY3JldA==', 'Bearer token', 'Basic', 'DPoP token'].map((authorization) =>
    invalidRequest(
      `"Authorization: ${authorization}" too`,
      'multiple_authentication_methods',
      (assertion) => ({ form: assertionForm(assertion), headers: { authorization } }),
    ),
  ),
  {
    name: 'a client_id that is not sub',
    request: withMore({ client_id: 'another' }),
    status: 401,
    error: 'invalid_client',
    reason: 'client_id_mismatch',
  },
  {
    name: 'a client_id that is sub in capitals',
    request: withMore({ client_id: 'CLIENT' }),
    status: 401,
    error: 'invalid_client',
    reason: 'client_id_mismatch',
  },
];

async function assertRefused(
  endpoint: TokenEndpoint,
  request: MakeRequest,
  expected: Omit<Refusal, 'name' | 'request'>,
): Promise<string> {
  endpoint.events.length = 0;
  const { form, headers } = request(await signAssertion());
  const answer = await oauthAnswer(await endpoint.post(form, headers));
  assert.equal(answer.status, expected.status);
  assert.equal(answer.error, expected.error);
  assert.equal(answer.headers.get('www-authenticate'), null);
  const reasons = endpoint.events.map(({ reason }) => reason);
  assert.deepEqual(reasons, expected.reason === undefined ? [] : [expected.reason]);
  return answer.description;
}

for (const [framework, factory] of Object.entries(FRAMEWORKS)) {
  const start = (options = {}, parsers?: readonly RequestHandler[]) =>
    tokenEndpoint(CLIENTS, options, {
      framework: factory,
      parsers: parsers ?? [factory.json(), factory.urlencoded({ extended: false })],
    });

  test(`${framework}: a form with an assertion is validated (RFC 7523 §2.2)`, async (t) => {
    const endpoint = await start();
    t.after(() => endpoint.close());
    for (const more of [{}, { client_id: 'client' }, { client_id: '' }, { client_secret: '' }]) {
      const response = await endpoint.post(assertionForm(await signAssertion(), { ...more }));
      assert.equal(response.status, 200);
    }
  });

  test(`${framework}: the media type may have parameters and capitals (RFC 9110 §8.3.1)`, async (t) => {
    const endpoint = await start();
    t.after(() => endpoint.close());
    const contentType = 'Application/X-WWW-Form-URLEncoded; charset=UTF-8';
    const response = await endpoint.post(assertionForm(await signAssertion()), {
      'content-type': contentType,
    });
    assert.equal(response.status, 200);
  });

  test(`${framework}: malformed requests are refused (RFC 7521 §4.2, RFC 6749 §2.3, §3.2)`, async (t) => {
    const endpoint = await start();
    t.after(() => endpoint.close());
    for (const { name, request, ...expected } of REFUSALS) {
      await t.test(name, async () => {
        await assertRefused(endpoint, request, expected);
      });
    }
  });

  test(`${framework}: objects and arrays from extended parsers are refused`, async (t) => {
    const endpoint = await start({}, [factory.urlencoded({ extended: true })]);
    t.after(() => endpoint.close());
    const bodies = {
      'client_assertion[]': 'client_assertion[]=a',
      'client_assertion[member]': 'client_assertion[member]=a',
      'client_assertion_type[]': 'client_assertion=a&client_assertion_type[]=b',
      'client_assertion_type[length]': 'client_assertion=a&client_assertion_type[length]=1',
      'client_id[]': `client_assertion=a&client_assertion_type=${CLIENT_ASSERTION_TYPE}&client_id[]=c`,
      'client_id[toString]': `client_assertion=a&client_assertion_type=b&client_id[toString]=c`,
    };
    for (const [name, body] of Object.entries(bodies)) {
      await t.test(name, async () => {
        const expected = {
          status: 400,
          error: 'invalid_request',
          reason: 'parameter_repeated',
        } as const;
        await assertRefused(endpoint, () => ({ form: body }), expected);
      });
    }
    assert.equal((await endpoint.post(assertionForm(await signAssertion()))).status, 200);
  });

  test(`${framework}: an assertion in the query string is never read (RFC 7521 §4.2)`, async (t) => {
    const endpoint = await start();
    t.after(() => endpoint.close());
    const query = assertionForm(await signAssertion());
    for (const method of ['GET', 'POST', 'PUT']) {
      const response = await fetch(`${endpoint.url}/token?${query}`, { method });
      assert.equal((await oauthAnswer(response)).error, 'invalid_client');
      assert.equal(response.status, 401);
    }
    assert.deepEqual(endpoint.events, []);
  });

  test(`${framework}: only POST carries an assertion (RFC 6749 §3.2)`, async (t) => {
    const endpoint = await start();
    t.after(() => endpoint.close());
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const response = await fetch(`${endpoint.url}/token`, {
        method,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: assertionForm(await signAssertion()),
      });
      assert.equal((await oauthAnswer(response)).error, 'invalid_client');
    }
    assert.deepEqual(endpoint.events, []);
  });

  test(`${framework}: without a body parser the error says what to mount`, async (t) => {
    const parsers: Record<string, readonly RequestHandler[]> = {
      none: [],
      'one for JSON': [factory.json()],
      'one for texts': [factory.text({ type: '*/*' })],
      'one for bytes': [factory.raw({ type: '*/*' })],
    };
    for (const [name, mounted] of Object.entries(parsers)) {
      await t.test(name, async (t) => {
        const endpoint = await start({}, mounted);
        t.after(() => endpoint.close());
        const response = await endpoint.post(assertionForm(await signAssertion()));
        assert.equal(response.status, 500);
        assert.deepEqual(
          endpoint.errors.map(({ name }) => name),
          ['ConfigurationError'],
        );
        assert.match(endpoint.errors[0]?.message ?? '', /express\.urlencoded/);
        assert.doesNotMatch(await response.text(), /urlencoded/);
      });
    }
  });

  test(`${framework}: a form without parameters is not a ConfigurationError`, async (t) => {
    const endpoint = await start();
    t.after(() => endpoint.close());
    const answer = await oauthAnswer(await endpoint.post('&'));
    assert.equal(answer.status, 401);
    assert.deepEqual(endpoint.errors, []);
  });

  test(`${framework}: an empty body in chunks is not a ConfigurationError either (RFC 9112 §7.1)`, async (t) => {
    const endpoint = await start();
    t.after(() => endpoint.close());
    const request = http.request(`${endpoint.url}/token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'transfer-encoding': 'chunked',
      },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 401);
    assert.deepEqual(endpoint.errors, []);
  });

  test(`${framework}: without a body there is nothing to parse, and no client`, async (t) => {
    const endpoint = await start({}, []);
    t.after(() => endpoint.close());
    const answer = await oauthAnswer(await endpoint.post(''));
    assert.equal(answer.status, 401);
    assert.equal(answer.error, 'invalid_client');
  });

  test(`${framework}: an assertion longer than maxAssertionLength is refused without decoding`, async (t) => {
    const endpoint = await start({ maxAssertionLength: 600 });
    t.after(() => endpoint.close());
    const fits = await signAssertion();
    assert.ok(fits.length <= 600);
    assert.equal((await endpoint.post(assertionForm(fits))).status, 200);
    const long = await signAssertion('client', { claims: { note: 'x'.repeat(600) } });
    const expected = {
      status: 401,
      error: 'invalid_client',
      reason: 'assertion_too_long',
    } as const;
    await assertRefused(endpoint, () => ({ form: assertionForm(long) }), expected);
    assert.equal(endpoint.events[0]?.clientId, undefined);
    assert.equal(endpoint.events[0]?.actual, long.length);
  });
}

const NOT_SENT: Readonly<Record<string, (parameters: object) => object>> = {
  null: (parameters) => Object.fromEntries(Object.keys(parameters).map((name) => [name, null])),
  inherited: (parameters) => Object.create(parameters),
};

for (const [what, change] of Object.entries(NOT_SENT)) {
  test(`parameters that are ${what} count as not sent (RFC 6749 §3.2)`, async () => {
    const request = requestWith(await signAssertion());
    const parameters = change(request.parameters);
    const validated = validatorOf(CLIENTS).validate({ ...request, parameters });
    await assert.rejects(validated, { reason: 'client_assertion_absent' });
  });
}

test('the default length limit is 16384 characters', async (t) => {
  const endpoint = await tokenEndpoint(CLIENTS);
  t.after(() => endpoint.close());
  const expected = { status: 401, error: 'invalid_client' } as const;
  const send = (length: number, reason: Reason) =>
    assertRefused(endpoint, () => ({ form: assertionForm('a'.repeat(length)) }), {
      ...expected,
      reason,
    });
  await send(16_384, 'assertion_malformed');
  await send(16_385, 'assertion_too_long');
});

test('for the URN of the grant type, the error names the right URN (RFC 7523 §2.1, §2.2)', async (t) => {
  const endpoint = await tokenEndpoint(CLIENTS);
  t.after(() => endpoint.close());
  const request: MakeRequest = (assertion) => ({
    form: form({ client_assertion: assertion, client_assertion_type: GRANT_TYPE_URN }),
  });
  const description = await assertRefused(endpoint, request, {
    status: 400,
    error: 'invalid_request',
    reason: 'client_assertion_type_is_grant_type',
  });
  assert.ok(description.includes(CLIENT_ASSERTION_TYPE), description);
});

test('acceptGrantTypeAsAssertionType also accepts the URN of the grant type', async (t) => {
  const endpoint = await tokenEndpoint(CLIENTS, { acceptGrantTypeAsAssertionType: true });
  t.after(() => endpoint.close());
  for (const type of [GRANT_TYPE_URN, CLIENT_ASSERTION_TYPE]) {
    const response = await endpoint.post(
      form({ client_assertion: await signAssertion(), client_assertion_type: type }),
    );
    assert.equal(response.status, 200);
  }
  const response = await endpoint.post(
    form({ client_assertion: await signAssertion(), client_assertion_type: `${GRANT_TYPE_URN}x` }),
  );
  assert.equal(response.status, 400);
});
