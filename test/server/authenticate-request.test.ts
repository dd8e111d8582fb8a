import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import express from 'express';
import {
  type AssertionClient,
  type AuthenticationEvent,
  type ClientAssertionOptions,
  ClientAssertionValidator,
  type Reason,
} from '../../lib/index.js';
import { createRequestAuthenticator } from '../../lib/server/request-authenticator.js';
import type { ExpressRequest } from '../../lib/shared/http.js';
import { assertionForm, ISSUER, signAssertion } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { listen } from '../support/listen.js';
import { oauthAnswer } from '../support/oauth-answer.js';

const FORM = 'application/x-www-form-urlencoded';
const DISABLED: AssertionClient = { ...CLIENT, clientId: 'disabled', disabled: true };
const PINNED: AssertionClient = {
  ...CLIENT,
  clientId: 'pinned',
  tokenEndpointAuthMethod: 'client_secret_basic',
};
const CLIENTS = [CLIENT, DISABLED, PINNED];

type Otherwise = Parameters<ClientAssertionValidator['authenticate']>[1]['otherwise'];

function start(options: ClientAssertionOptions = {}, otherwise?: Otherwise) {
  const events: AuthenticationEvent[] = [];
  const contexts: unknown[] = [];
  const validator = new ClientAssertionValidator(
    { onAuthentication: (event) => events.push(event), ...options },
    (clientId, context) => {
      contexts.push(context);
      return CLIENTS.find((client) => client.clientId === clientId);
    },
  );
  const authenticate = (
    request: Request | URLSearchParams,
    more: { authorization?: string } = {},
  ) =>
    validator.authenticate(request, {
      issuer: ISSUER,
      tokenEndpoint: `${ISSUER}/token`,
      ...(otherwise && { otherwise }),
      ...more,
    });
  return { validator, authenticate, events, contexts };
}

type Body = NonNullable<RequestInit['body']>;

type Init = Omit<RequestInit, 'headers'> & {
  readonly headers?: Record<string, string>;
  readonly path?: string;
};

const requestOf = (body: Body | null, { path = '/token', headers, ...init }: Init = {}) =>
  new Request(`https://proxy.example${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': FORM, ...headers },
    ...(body instanceof ReadableStream && { duplex: 'half' }),
    ...init,
  } as RequestInit);

test('authenticate returns the client, how it authenticated, and the whole form', async () => {
  const { authenticate, contexts } = start();
  const form = assertionForm(await signAssertion(), { grant_type: 'client_credentials' });
  const request = requestOf(form);
  const { client, authentication, parameters, answer, error } = await authenticate(request);
  assert.deepEqual([answer, error], [undefined, undefined]);
  assert.equal(client, CLIENT);
  assert.equal(authentication?.method, 'private_key_jwt');
  assert.equal(parameters?.get('grant_type'), 'client_credentials');
  assert.deepEqual(contexts, [request]);
});

test('authenticate also accepts only the form, as URLSearchParams', async () => {
  const { authenticate, contexts } = start();
  const form = assertionForm(await signAssertion());
  const { client, parameters } = await authenticate(form);
  assert.deepEqual([client, parameters], [CLIENT, form]);
  assert.deepEqual(contexts, [form]);
});

test('the URL of the called endpoint is its path at the origin of the issuer, not of the Host', async () => {
  const { authenticate } = start();
  const send = async (aud: string, path: string) => {
    const assertion = await signAssertion('client', { claims: { aud } });
    const { error } = await authenticate(requestOf(assertionForm(assertion), { path }));
    return (error as { reason?: Reason } | undefined)?.reason;
  };
  assert.equal(await send(`${ISSUER}/par`, '/par?x=1'), undefined);
  assert.equal(await send('https://proxy.example/par', '/par'), 'audience_mismatch');
  assert.equal(await send(`${ISSUER}/par`, '/revoke'), 'audience_mismatch');
});

/** What is refused: the same as behind Express. */
const REFUSED: Readonly<
  Record<
    string,
    {
      readonly request: (assertion: string) => Request | URLSearchParams;
      readonly clientId?: string;
      readonly authorization?: string;
      readonly status: number;
      readonly error?: string;
      readonly reason: Reason;
    }
  >
> = {
  'a GET': {
    request: () => new Request('https://as.example/token'),
    status: 401,
    reason: 'client_assertion_absent',
  },
  'a PUT': {
    request: (assertion) => requestOf(assertionForm(assertion), { method: 'PUT' }),
    status: 401,
    reason: 'client_assertion_absent',
  },
  'another media type': {
    request: (assertion) =>
      requestOf(`${assertionForm(assertion)}`, { headers: { 'content-type': 'text/plain' } }),
    status: 401,
    reason: 'client_assertion_absent',
  },
  'a form without an assertion': {
    request: () => requestOf('grant_type=client_credentials'),
    status: 401,
    reason: 'client_assertion_absent',
  },
  'no body': { request: () => requestOf(null), status: 401, reason: 'client_assertion_absent' },
  'an Authorization header beside the assertion': {
    request: (assertion) =>
      requestOf(assertionForm(assertion), { headers: { authorization: 'Basic YTpi' } }),
    status: 400,
    error: 'invalid_request',
    reason: 'multiple_authentication_methods',
  },
  'an Authorization header beside a form that has the assertion': {
    request: (assertion) => assertionForm(assertion),
    authorization: 'Basic YTpi',
    status: 400,
    error: 'invalid_request',
    reason: 'multiple_authentication_methods',
  },
  'a client_secret beside the assertion': {
    request: (assertion) => requestOf(assertionForm(assertion, { client_secret: 'x' })),
    status: 400,
    error: 'invalid_request',
    reason: 'multiple_authentication_methods',
  },
  'a client_secret beside an Authorization header, without an assertion': {
    request: () => requestOf('client_secret=x', { headers: { authorization: 'Basic YTpi' } }),
    status: 400,
    error: 'invalid_request',
    reason: 'multiple_authentication_methods',
  },
  'an assertion twice': {
    request: (assertion) => requestOf(`${assertionForm(assertion)}&client_assertion=x`),
    status: 400,
    error: 'invalid_request',
    reason: 'parameter_repeated',
  },
  'a client that is disabled': {
    request: (assertion) => requestOf(assertionForm(assertion)),
    clientId: 'disabled',
    status: 401,
    reason: 'client_disabled',
  },
  'a client that must use another method': {
    request: (assertion) => requestOf(assertionForm(assertion)),
    clientId: 'pinned',
    status: 401,
    reason: 'client_method_mismatch',
  },
  'a client that there is not': {
    request: (assertion) => requestOf(assertionForm(assertion)),
    clientId: 'other',
    status: 401,
    reason: 'unknown_client',
  },
};

for (const [name, { request, clientId, authorization, ...expected }] of Object.entries(REFUSED)) {
  test(`${name} is refused with an answer that is ready to send, and one event`, async () => {
    const { authenticate, events } = start();
    const made = request(await signAssertion(clientId));
    const { client, answer } = await authenticate(made, {
      ...(authorization && { authorization }),
    });
    assert.equal(client, undefined);
    assert.ok(answer);
    const { status, error, headers } = await oauthAnswer(new Response(answer.body, answer));
    assert.deepEqual([status, error], [expected.status, expected.error ?? 'invalid_client']);
    assert.equal(headers.get('www-authenticate'), null);
    assert.deepEqual(
      events.map(({ reason, issuer }) => [reason, issuer]),
      [[expected.reason, ISSUER]],
    );
  });
}

test('a refused Authorization header is challenged in its scheme (RFC 6749 §5.2)', async () => {
  const { authenticate } = start({ invalidClientStatus: 400 });
  const withHeader = await authenticate(requestOf('a=b', { headers: { authorization: 'DPoP x' } }));
  assert.equal(withHeader.answer?.status, 401);
  assert.equal(withHeader.answer.headers['WWW-Authenticate'], 'DPoP realm="OAuth"');
  assert.equal((await authenticate(requestOf('a=b'))).answer?.status, 400);
});

const TOO_LONG = 102_400 + 16_384 + 1;

/** A body in chunks, and how many of them were asked for. */
function endless() {
  const asked = { chunks: 0, cancelled: false };
  const body = new ReadableStream({
    pull(controller) {
      asked.chunks += 1;
      controller.enqueue(new Uint8Array(1024).fill(97));
    },
    cancel() {
      asked.cancelled = true;
    },
  });
  return { body, asked };
}

test('an endless body is read up to the bound, then released', async () => {
  const { authenticate, events } = start();
  const { body, asked } = endless();
  const { answer } = await authenticate(requestOf(body));
  assert.ok(answer);
  const { status, error } = await oauthAnswer(new Response(answer.body, answer));
  assert.deepEqual([status, error], [413, 'invalid_request']);
  assert.ok(asked.chunks <= TOO_LONG / 1024 + 3, `${asked.chunks} chunks`);
  assert.equal(asked.cancelled, true);
  assert.deepEqual(events, []);
});

test('a body that announces too many bytes is not read', async () => {
  const { authenticate } = start();
  const { body, asked } = endless();
  const headers = { 'content-length': String(TOO_LONG) };
  const before = asked.chunks;
  const { answer } = await authenticate(requestOf(body, { headers }));
  assert.equal(answer?.status, 413);
  assert.ok(asked.chunks - before <= 1, `${asked.chunks}`);
});

test('the longest form is read, and maxAssertionLength extends the bound', async () => {
  const { authenticate } = start();
  const pad = async (length: number) => {
    const form = `${assertionForm(await signAssertion())}&state=`;
    return form + 'x'.repeat(length - form.length);
  };
  assert.ok((await authenticate(requestOf(await pad(TOO_LONG - 1)))).client);
  assert.equal((await authenticate(requestOf(await pad(TOO_LONG)))).answer?.status, 413);
  const longer = start({ maxAssertionLength: 20_000 });
  assert.ok((await longer.authenticate(requestOf(await pad(TOO_LONG)))).client);
});

test('more than 1,000 parameters are too many', async () => {
  const { authenticate } = start();
  const form = async (more: number) =>
    `${assertionForm(await signAssertion())}${'&a=1'.repeat(more)}`;
  assert.ok((await authenticate(requestOf(await form(998)))).client);
  assert.equal((await authenticate(requestOf(await form(999)))).answer?.status, 413);
});

/** How a form may be written, and the status that follows. */
const ENCODINGS: readonly (readonly [string, (form: string) => Body, Init, number])[] = [
  ['a byte order mark', (form) => `\uFEFF${form}`, {}, 200],
  [
    'UTF-8 in capitals',
    (form) => form,
    { headers: { 'content-type': `${FORM}; Charset="UTF-8"` } },
    200,
  ],
  [
    'a media type in capitals',
    (form) => form,
    { headers: { 'content-type': FORM.toUpperCase() } },
    200,
  ],
  [
    'the charset utf-16',
    (form) => form,
    { headers: { 'content-type': `${FORM};charset=utf-16` } },
    415,
  ],
  [
    'the charset iso-8859-1',
    (form) => form,
    { headers: { 'content-type': `${FORM}; charset=iso-8859-1` } },
    415,
  ],
  ['gzip', (form) => form, { headers: { 'content-encoding': 'gzip' } }, 415],
  ['identity', (form) => form, { headers: { 'content-encoding': 'identity' } }, 200],
  ['bytes that are no UTF-8', (form) => Buffer.from(`${form}&a=\xff`, 'latin1'), {}, 200],
];

for (const [name, bodyOf, init, expected] of ENCODINGS) {
  test(`a form with ${name}: ${expected}`, async () => {
    const { authenticate } = start();
    const form = String(assertionForm(await signAssertion()));
    const { answer } = await authenticate(requestOf(bodyOf(form), init));
    assert.equal(answer?.status ?? 200, expected);
  });
}

test('a body that breaks off is answered with 400', async () => {
  const { authenticate } = start();
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new Error('reset'));
    },
  });
  const { answer, error } = await authenticate(requestOf(body));
  assert.equal(answer?.status, 400);
  assert.equal(error?.error, 'invalid_request');
});

test('a body that is not bytes is refused', async () => {
  const { authenticate } = start();
  for (const chunk of ['client_assertion=x', 5, { byteLength: -1 }, new ArrayBuffer(2)]) {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(chunk);
        controller.close();
      },
    });
    assert.equal((await authenticate(requestOf(body))).answer?.status, 400);
  }
});

test('a body that was already read is a ConfigurationError', async () => {
  const { authenticate } = start();
  const read = requestOf(assertionForm(await signAssertion()));
  await read.text();
  const locked = requestOf(assertionForm(await signAssertion()));
  locked.body?.getReader();
  for (const request of [read, locked]) {
    await assert.rejects(authenticate(request), {
      name: 'ConfigurationError',
      message: /something has read its body/,
    });
  }
});

for (const request of [undefined, null, 'client_assertion=x', {}, new FormData(), new Response()]) {
  test(`authenticate refuses ${Object.prototype.toString.call(request)}`, async () => {
    await assert.rejects(start().authenticate(request as unknown as Request), {
      name: 'TypeError',
      message:
        'authenticate takes a Request, a request of node:http, or the form as URLSearchParams',
    });
  });
}

test('without the identity of the server the request is not read', async () => {
  const { validator } = start();
  const request = requestOf(assertionForm(await signAssertion()));
  await assert.rejects(validator.authenticate(request, { issuer: '' }), { name: 'TypeError' });
  assert.equal(request.bodyUsed, false);
});

test('a failing lookup is 503, ready to send', async () => {
  const validator = new ClientAssertionValidator({}, () => {
    throw new Error('the database is away');
  });
  const form = assertionForm(await signAssertion());
  const { answer } = await validator.authenticate(requestOf(form), { issuer: ISSUER });
  assert.equal(answer?.status, 503);
  assert.equal(answer.body.includes('database'), false);
});

/** Who `otherwise` accepts, and why the client is refused all the same. */
const OTHERS: readonly (readonly [
  string,
  Awaited<ReturnType<NonNullable<Otherwise>>>,
  Reason | undefined,
])[] = [
  ['a client without keys', { clientId: 'other', secrets: [] }, undefined],
  ['nobody', undefined, 'client_assertion_absent'],
  ['false', false, 'client_assertion_absent'],
  ['a client with keys', CLIENT, 'assertion_required'],
  ['a disabled client', { clientId: 'other', secrets: [], disabled: true }, 'client_disabled'],
  [
    'a client of another method',
    { clientId: 'other', secrets: [], tokenEndpointAuthMethod: 'none' },
    'client_method_mismatch',
  ],
];

for (const [name, accepted, reason] of OTHERS) {
  test(`otherwise gives ${name}: ${reason ?? 'accepted'}`, async () => {
    const seen: unknown[] = [];
    const { authenticate, events } = start({}, async (parameters, authorization) => {
      seen.push(parameters.get('grant_type'), authorization);
      return accepted;
    });
    const headers = { authorization: 'Basic YTpi' };
    const { client, authentication, answer } = await authenticate(
      requestOf('grant_type=client_credentials', { headers }),
    );
    assert.deepEqual(seen, ['client_credentials', 'Basic YTpi']);
    assert.equal(client, reason === undefined ? accepted : undefined);
    assert.equal(authentication, undefined);
    assert.equal(answer?.status, reason && 401);
    assert.deepEqual(
      events.map((event) => event.reason),
      [reason],
    );
  });
}

test('a client_id sent with another method must name the same client (RFC 6749 §3.2.1)', async () => {
  const other = { clientId: 'other', secrets: [] };
  const { authenticate, events } = start({}, () => other);
  const headers = { authorization: 'Basic b3RoZXI6eA==' };
  for (const [clientId, reason] of [
    ['other', undefined],
    ['', undefined],
    ['client', 'client_id_mismatch'],
    ['Other', 'client_id_mismatch'],
  ] as const) {
    const { client } = await authenticate(requestOf(`client_id=${clientId}`, { headers }));
    assert.equal(client, reason === undefined ? other : undefined, clientId);
    assert.equal(events.at(-1)?.reason, reason, clientId);
  }
});

test('otherwise is not called for a request with an assertion, valid or not', async () => {
  const otherwise = () => assert.fail('asked');
  const { authenticate } = start({}, otherwise);
  assert.ok((await authenticate(requestOf(assertionForm(await signAssertion())))).client);
  assert.equal((await authenticate(requestOf(assertionForm('a.b.c')))).answer?.status, 401);
});

test('errors of otherwise go to the application, and so does a client without secrets', async () => {
  const broken = start({}, () => {
    throw new RangeError('broken');
  });
  await assert.rejects(broken.authenticate(requestOf('a=b')), RangeError);
  const loose = start({}, () => ({ clientId: 'other' }) as AssertionClient);
  await assert.rejects(loose.authenticate(requestOf('a=b')), { name: 'ConfigurationError' });
});

const closed = (stream: NodeJS.EventEmitter) =>
  new Promise<void>((resolve) => stream.on('error', () => undefined).on('close', resolve));

/** A server of node:http whose only line is `authenticate`. */
async function nodeServer(t: TestContext, before = async (_request: IncomingMessage) => {}) {
  const { validator, events } = start();
  const errors: unknown[] = [];
  const server = createServer(async (request, response) => {
    try {
      await before(request);
      const called = { issuer: ISSUER };
      const { client, answer } = await validator.authenticate(request, called);
      if (answer === undefined) response.end(client.clientId);
      else response.writeHead(answer.status, answer.headers).end(answer.body);
    } catch (error) {
      errors.push(error);
      response.writeHead(500).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, events, errors };
}

test('node:http: a request is authenticated, and its path is the endpoint', async (t) => {
  const { url, events } = await nodeServer(t);
  const assertion = await signAssertion('client', { claims: { aud: `${ISSUER}/par` } });
  const send = (path: string, headers = {}) =>
    fetch(url + path, { method: 'POST', body: assertionForm(assertion), headers });
  const bad = await oauthAnswer(await send('/par', { authorization: 'Basic YTpi' }));
  assert.deepEqual([bad.status, bad.error], [400, 'invalid_request']);
  assert.equal((await oauthAnswer(await send('/token'))).status, 401);
  assert.equal(await (await send('/par?x=1')).text(), 'client');
  assert.equal((await oauthAnswer(await fetch(`${url}/par`))).status, 401);
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ['multiple_authentication_methods', 'audience_mismatch', undefined, 'client_assertion_absent'],
  );
});

test('below a mount path, the endpoint is the whole path (RFC 7523 §3 (3))', async (t) => {
  const validator = new ClientAssertionValidator({}, () => CLIENT);
  const app = express();
  const tenant = express.Router();
  tenant.post('/token', async (request, response) => {
    const { answer } = await validator.authenticate(request, { issuer: `${ISSUER}/tenant` });
    response.sendStatus(answer?.status ?? 200);
  });
  app.use('/tenant', tenant);
  const { url, close } = await listen(app);
  t.after(close);
  for (const [aud, status] of [
    [`${ISSUER}/tenant/token`, 200],
    [`${ISSUER}/token`, 401],
  ] as const) {
    const body = assertionForm(await signAssertion('client', { claims: { aud } }));
    const answer = await fetch(`${url}/tenant/token?x=1`, { method: 'POST', body });
    assert.equal(answer.status, status, aud);
  }
});

test('node:http: a body without end gets its answer all the same', async (t) => {
  const { url, errors } = await nodeServer(t);
  const request = httpRequest(url, { method: 'POST', headers: { 'content-type': FORM } });
  request.on('error', () => undefined);
  request.write(Buffer.alloc(TOO_LONG, 'a'));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 413);
  request.destroy();
  assert.deepEqual(errors, []);
});

test('node:http: a caller that disconnects causes no server error', async (t) => {
  const { url, events, errors } = await nodeServer(t, async (request) => {
    if (request.headers['content-length'] === '100') await closed(request);
  });
  const request = httpRequest(url, {
    method: 'POST',
    headers: { 'content-type': FORM, 'content-length': '100' },
  });
  request.on('error', () => undefined);
  request.write('client_assertion=', () => request.destroy());
  await closed(request);
  const body = assertionForm(await signAssertion());
  assert.equal((await fetch(url, { method: 'POST', body })).status, 200);
  assert.deepEqual([events.map(({ outcome }) => outcome), errors], [['success'], []]);
});

test('node:http: a body that a parser has read is a ConfigurationError', async (t) => {
  const { url, errors } = await nodeServer(t, async (request) => {
    for await (const _chunk of request);
  });
  const body = assertionForm(await signAssertion());
  assert.equal((await fetch(url, { method: 'POST', body })).status, 500);
  assert.deepEqual(
    errors.map((error) => (error as Error).name),
    ['ConfigurationError'],
  );
});

const OTHER = { clientId: 'other', secrets: [] };
const BASIC = 'b3RoZXI6eA==';

for (const [what, form, authorization, method] of [
  ['a secret in the form', 'client_secret=x', undefined, 'client_secret_post'],
  ['Basic', 'a=b', `Basic ${BASIC}`, 'client_secret_basic'],
  ['basic in lower case', 'a=b', `basic ${BASIC}`, 'client_secret_basic'],
  ['another scheme', 'a=b', 'DPoP basic x', undefined],
  ['nothing', 'a=b', undefined, undefined],
] as const) {
  test(`the event of a client that otherwise accepted by ${what} has the method ${method}`, async () => {
    const { authenticate, events } = start({}, () => OTHER);
    const headers = { ...(authorization && { authorization }) };
    assert.equal((await authenticate(requestOf(form, { headers }))).client, OTHER);
    assert.deepEqual(
      events.map((event) => [event.outcome, event.method, event.clientId, event.issuer]),
      [['success', method, 'other', ISSUER]],
    );
  });
}

test('the event of a refusal names the client only if it is known, and what was sent', async () => {
  const known = start({}, () => CLIENT);
  await known.authenticate(requestOf('client_id=client&client_secret=x'));
  const { reason, clientId, expected, actual } = known.events[0] ?? {};
  assert.deepEqual([reason, clientId], ['assertion_required', 'client']);
  assert.deepEqual([expected, actual], [['client_assertion'], ['client_secret']]);

  const unknown = start();
  await unknown.authenticate(requestOf('client_id=client&client_secret=x'));
  const headers = { authorization: 'Basic YTpi', 'content-type': '' };
  await unknown.authenticate(new Request('https://as.example/', { headers }));
  await unknown.authenticate(new Request('https://as.example/'));
  assert.deepEqual(
    unknown.events.map((event) => [event.clientId, event.expected, event.actual]),
    [
      [undefined, 'client_assertion', [`content-type=${FORM}`, 'client_secret']],
      [undefined, 'client_assertion', ['content-type=', 'Authorization']],
      [undefined, 'client_assertion', ['content-type=none']],
    ],
  );
});

const NOT_THE_CLIENT =
  /^otherwise accepted a client, but did not pass on the client itself with its clientId and secrets/;

for (const [client, isClient] of [
  [undefined, false],
  [null, false],
  ['other', false],
  [true, false],
  [{}, false],
  [{ secrets: [] }, false],
  [{ clientId: 5, secrets: [] }, false],
  [{ clientId: 'other' }, false],
  [{ clientId: 'other', secrets: 'x' }, false],
  [{ clientId: 'other', tokenEndpointAuthMethod: 5 }, false],
  [{ clientId: 'other', clientSecretAllowed: 1 }, false],
  [{ clientId: 'other', secrets: [] }, true],
  [{ clientId: 'other', tokenEndpointAuthMethod: 'tls_client_auth' }, true],
  [{ clientId: 'other', clientSecretAllowed: true }, true],
] as const) {
  test(`${JSON.stringify(client)} ${isClient ? 'can be' : 'cannot be'} checked as a client of otherwise`, async () => {
    const authenticator = createRequestAuthenticator({ issuer: ISSUER }, () => undefined);
    const request = { method: 'POST', url: '/token', headers: {}, body: {} };
    const admitted = authenticator.admit(request as ExpressRequest, client);
    if (isClient) await admitted;
    else await assert.rejects(admitted, { name: 'ConfigurationError', message: NOT_THE_CLIENT });
  });
}

for (const body of [undefined, null, 'client_id=x&client_secret=y', 5]) {
  test(`a body that is ${JSON.stringify(body)} has no credentials`, async () => {
    const authenticator = createRequestAuthenticator({ issuer: ISSUER }, () => undefined);
    const headers = { authorization: 'Basic YTpi' };
    const request = { method: 'POST', url: '/token', headers, body } as unknown as ExpressRequest;
    await authenticator.assertOneMethod(request);
    const { actual } = await authenticator.reportAbsence(request);
    assert.deepEqual(actual, ['content-type=none', 'Authorization']);
  });
}

test('a refusal is an event even if the server cannot be identified', async () => {
  const events: AuthenticationEvent[] = [];
  const issuer = () => Promise.reject(new Error('no such tenant'));
  const onAuthentication = (event: AuthenticationEvent) => events.push(event);
  const authenticator = createRequestAuthenticator({ issuer, onAuthentication }, () => undefined);
  const request = { method: 'POST', url: '/', headers: {} } as ExpressRequest;
  const error = await authenticator.reportAbsence(request);
  assert.equal(error.reason, 'client_assertion_absent');
  assert.deepEqual(
    events.map((event) => [event.reason, event.issuer]),
    [['client_assertion_absent', undefined]],
  );
});

for (const [authorization, status] of [
  [true, 400],
  ['Basic YTpi', 400],
  [false, 200],
  ['', 200],
  [undefined, 200],
] as const) {
  test(`a form whose authorization is ${JSON.stringify(authorization)}: ${status}`, async () => {
    const { validator } = start();
    const called = { issuer: ISSUER, authorization };
    const { answer } = await validator.authenticate(assertionForm(await signAssertion()), called);
    assert.equal(answer?.status ?? 200, status);
  });
}

test('what is given to authenticate counts: context, endpoint, tokenEndpoint', async () => {
  const { validator, contexts } = start();
  const context = { tenant: 1 };
  for (const [aud, called] of [
    [`${ISSUER}/given`, { endpoint: `${ISSUER}/given` }],
    [`${ISSUER}/tokens`, { tokenEndpoint: `${ISSUER}/tokens` }],
  ] as const) {
    const form = assertionForm(await signAssertion('client', { claims: { aud } }));
    const { client } = await validator.authenticate(form, { issuer: ISSUER, context, ...called });
    assert.equal(client, CLIENT);
    assert.equal(contexts.pop(), context);
    const other = await validator.authenticate(form, { issuer: ISSUER });
    assert.equal((other.error as { reason?: Reason }).reason, 'audience_mismatch');
  }
});

for (const request of [
  { headers: new Headers() },
  { headers: new Headers(), method: 5 },
  { headers: {} },
  { method: 'POST', headers: {} },
  { async *[Symbol.asyncIterator]() {} },
]) {
  test(`an object with ${Object.keys(request)} is not a request`, async () => {
    const { validator } = start();
    const authenticated = validator.authenticate(request as unknown as Request, { issuer: ISSUER });
    await assert.rejects(authenticated, { name: 'TypeError', message: /^authenticate takes a/ });
  });
}

test('a form may have as many bytes as the two bounds together, and not one more', async () => {
  const { authenticate } = start();
  const { authenticate: small } = start({ maxAssertionLength: 1000 });
  const sized = (length: number) => requestOf('a='.padEnd(length, 'x'));
  assert.equal((await authenticate(sized(TOO_LONG - 1))).answer?.status, 401);
  assert.equal((await authenticate(sized(TOO_LONG))).answer?.status, 413);
  assert.equal((await small(sized(102_400 + 1000))).answer?.status, 401);
  assert.equal((await small(sized(102_400 + 1001))).answer?.status, 413);
});
