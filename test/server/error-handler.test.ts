import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import { ClientAuthenticationError, OAuthError, oauthErrorHandler } from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { oauthAnswer } from '../support/oauth-answer.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const PASSED_ON = 599;

/** Starts an app that fails as the test says; what the handler passes on is answered with 599. */
async function failing(t: TestContext, handlers: readonly RequestHandler[], factory = express) {
  const app = factory();
  app.use(...handlers);
  app.use(oauthErrorHandler());
  app.use(((_error, _request, response, _next) => {
    response.status(PASSED_ON).end();
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);
  t.after(() => server.close());
  return (headers: Record<string, string> = {}, body = 'a=b') =>
    fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    });
}

const throwing = (error: unknown): RequestHandler => {
  return () => {
    throw error;
  };
};

for (const [name, factory] of Object.entries({ 'Express 5': express, 'Express 4': express4 })) {
  test(`${name}: an OAuthError becomes JSON with its code, description and status (RFC 6749 §5.2)`, async (t) => {
    const error = new OAuthError('invalid_scope', 'The scope "x" is unknown.', 400);
    const post = await failing(t, [throwing(error)], factory);
    const { status, error: code, description } = await oauthAnswer(await post());
    assert.equal(status, 400);
    assert.equal(code, 'invalid_scope');
    assert.equal(description, 'The scope  x  is unknown.');
  });

  test(`${name}: an error of the body parser is answered as the caller's mistake`, async (t) => {
    const urlencoded = factory.urlencoded({ extended: true, limit: 100, parameterLimit: 2 });
    const post = await failing(t, [urlencoded], factory);
    const bodies: readonly (readonly [string, Record<string, string>, number])[] = [
      [`a=${'x'.repeat(200)}`, {}, 413],
      ['a=1&b=2&c=3', {}, 413],
      ['a=1', { 'content-encoding': 'zip' }, 415],
      ['a=1', { 'content-type': 'application/x-www-form-urlencoded; charset=utf-9' }, 415],
      ['not gzip', { 'content-encoding': 'gzip' }, 400],
      ['not brotli', { 'content-encoding': 'br' }, factory === express4 ? 415 : 400],
    ];
    for (const [body, headers, expected] of bodies) {
      const { status, error } = await oauthAnswer(await post(headers, body));
      assert.equal(status, expected, body.slice(0, 20));
      assert.equal(error, 'invalid_request');
    }
  });
}

const CHALLENGES: readonly (readonly [string, string])[] = [
  ['Basic YTpi', 'Basic realm="OAuth"'],
  ['bearer token', 'bearer realm="OAuth"'],
  ['DPoP token', 'DPoP realm="OAuth"'],
  ['Negotiate', 'Negotiate realm="OAuth"'],
  ['"quoted" x', 'Basic realm="OAuth"'],
  ['x'.repeat(100), 'Basic realm="OAuth"'],
  ['Basic\tYTpi', 'Basic realm="OAuth"'],
];

for (const [authorization, challenge] of CHALLENGES) {
  test(`a request with "${authorization.slice(0, 20)}" is challenged for ${challenge} (RFC 6749 §5.2)`, async (t) => {
    const error = new OAuthError('invalid_client', 'No.', 401);
    const post = await failing(t, [throwing(error)]);
    const answer = await oauthAnswer(await post({ authorization }));
    assert.equal(answer.headers.get('www-authenticate'), challenge);
  });
}

test('a challenge that a strategy made is kept for callers that used the header', async (t) => {
  const challenge: RequestHandler = (_request, response, next) => {
    response.setHeader('WWW-Authenticate', 'Basic realm="clients"');
    next(new OAuthError('invalid_client', 'No.', 401));
  };
  const post = await failing(t, [challenge]);
  const used = await oauthAnswer(await post({ authorization: 'Basic YTpi' }));
  assert.equal(used.headers.get('www-authenticate'), 'Basic realm="clients"');
  const unused = await oauthAnswer(await post());
  assert.equal(unused.headers.get('www-authenticate'), null);
});

test('only 401 carries a challenge', async (t) => {
  const post = await failing(t, [throwing(new OAuthError('invalid_request', 'No.'))]);
  const answer = await oauthAnswer(await post({ authorization: 'Basic YTpi' }));
  assert.equal(answer.headers.get('www-authenticate'), null);
});

const UNRELATED: Readonly<Record<string, unknown>> = {
  'an Error': new Error('secret detail'),
  'a string': 'secret detail',
  'an error of the server': Object.assign(new Error('secret'), { status: 500, type: 'a.b' }),
  'an HTTP error of the application': Object.assign(new Error('secret'), { status: 404 }),
  'an error of the application that has a type': Object.assign(new Error('secret'), {
    status: 404,
    type: 'index.missing',
  }),
  "another library's AuthenticationError": Object.assign(new Error('vault says no'), {
    name: 'AuthenticationError',
    status: 401,
  }),
  "another library's AuthenticationError in Passport's words": Object.assign(
    new Error('Unauthorized'),
    { name: 'AuthenticationError', status: 401 },
  ),
  'a file that is not there': Object.assign(new Error('ENOENT'), {
    status: 400,
    code: 'ENOENT',
    errno: -2,
  }),
  'an error with an odd type': Object.assign(new Error('secret'), { status: 400, type: 5 }),
  'an error with a status that is no number': Object.assign(new Error('x'), { status: '401' }),
};

for (const [name, error] of Object.entries(UNRELATED)) {
  test(`${name} goes on to the next handler`, async (t) => {
    const post = await failing(t, [throwing(error)]);
    assert.equal((await post()).status, PASSED_ON);
  });
}

test('an answer that has started is left to Express', async (t) => {
  const half: RequestHandler = (_request, response, next) => {
    response.write('half');
    next(new OAuthError('invalid_request', 'No.'));
  };
  const passedOn: unknown[] = [];
  const app = express();
  app.use(half, oauthErrorHandler(), ((error, _request, response, _next) => {
    passedOn.push(error);
    response.end();
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);
  t.after(() => server.close());
  assert.equal(await (await fetch(server.url)).text(), 'half');
  assert.equal(passedOn.length, 1);
});

test('descriptions hold no character that RFC 6749 §5.2 forbids', () => {
  const { message } = new OAuthError('invalid_request', 'a"b\\c\nd\u0000e\u00e9f\u{1f600}g');
  assert.match(message, /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/);
});

test('callers get the same answer for all failures of a client, unless detailedErrors is on', async (t) => {
  const clients = [
    {
      clientId: 'client',
      secrets: [{ type: 'JsonWebKey', value: keyPair('ES256').publicJwk } as const],
    },
  ];
  for (const detailedErrors of [false, true]) {
    const endpoint = await tokenEndpoint(clients, { detailedErrors });
    t.after(() => endpoint.close());
    const descriptions = new Set<string>();
    for (const assertion of [
      await signAssertion('unknown'),
      await signAssertion('client', { claims: { exp: 1 } }),
      await signAssertion('client', { claims: { aud: 'https://other.example' } }),
    ]) {
      const answer = await oauthAnswer(await endpoint.post(assertionForm(assertion)));
      assert.equal(answer.status, 401);
      assert.equal(answer.error, 'invalid_client');
      descriptions.add(answer.description);
    }
    assert.equal(descriptions.size, detailedErrors ? 3 : 1);
  }
});

test('the error of a failed authentication has its reason for the operator, safe to log', () => {
  const error = new ClientAuthenticationError({
    reason: 'audience_mismatch',
    expected: ['https://as.example'],
    actual: `https://evil.example/\n${'x'.repeat(500)}`,
  });
  assert.equal(error.reason, 'audience_mismatch');
  assert.deepEqual(error.expected, ['https://as.example']);
  assert.equal(error.actual, `https://evil.example/\ufffd${'x'.repeat(178)}… (522 characters)`);
  assert.equal(error.message, 'Client authentication failed.');
  assert.deepEqual(error.toJSON(), {
    error: 'invalid_client',
    error_description: 'Client authentication failed.',
  });
});

const PARSED = { status: 400, type: 'entity.parse.failed' };

for (const [what, error, status] of [
  ['a body that is no JSON', PARSED, 400],
  ['a charset', { status: 415, type: 'charset.unsupported' }, 415],
  ['an encoding', { status: 415, type: 'encoding.unsupported' }, 415],
  ['a large body', { status: 413, type: 'entity.too.large' }, 413],
  ['a body that the application refused', { status: 403, type: 'entity.verify.failed' }, 403],
  ['many parameters', { status: 413, type: 'parameters.too.many' }, 413],
  ['deep parameters', { status: 400, type: 'querystring.parse.rangeError' }, 400],
  ['a caller that went away', { status: 400, type: 'request.aborted' }, 400],
  ['a wrong length', { status: 400, type: 'request.size.invalid' }, 400],
  ['zlib', { status: 400, code: 'Z_DATA_ERROR' }, 400],
  ['Brotli', { status: 400, code: 'ERR__ERROR_FORMAT_SIMPLE_HUFFMAN_SAME' }, 400],
  ['the highest status of callers', { ...PARSED, status: 499 }, 499],
  ['another type', { status: 400, type: 'stream.encoding.set' }, PASSED_ON],
  ['no type', { status: 400 }, PASSED_ON],
  ['a code that only ends like those of zlib', { status: 400, code: 'X_Z_DATA_ERROR' }, PASSED_ON],
  ['a code that is no text', { status: 400, code: ['Z_DATA_ERROR'] }, PASSED_ON],
  ['a status that is a text', { ...PARSED, status: '400' }, PASSED_ON],
  ['a status below those of errors', { ...PARSED, status: 399 }, PASSED_ON],
  ['a status of the server', { ...PARSED, status: 500 }, PASSED_ON],
  ['a text', 'request.aborted', PASSED_ON],
  ['a function', Object.assign(() => undefined, PARSED), PASSED_ON],
] as const) {
  test(`an error about ${what} is ${status === PASSED_ON ? 'passed on' : `answered with ${status}`}`, async (t) => {
    const response = await (await failing(t, [throwing(error)]))();
    assert.equal(response.status, status);
    if (status === PASSED_ON) return;
    assert.deepEqual(await response.json(), {
      error: 'invalid_request',
      error_description: 'The request could not be read.',
    });
  });
}

const FAILURE = { name: 'AuthenticationError', status: 401, message: 'Unauthorized' };

for (const [what, error, statusCode, expected] of [
  ['Passport’s failure', FAILURE, 401, 401],
  [
    'Passport’s failure of another status',
    { ...FAILURE, status: 403, message: 'Forbidden' },
    403,
    403,
  ],
  ['a failure with a message of its own', { ...FAILURE, message: 'No' }, 401, PASSED_ON],
  ['a failure of another name', { ...FAILURE, name: 'Error' }, 401, PASSED_ON],
  ['a failure of another status than the response', FAILURE, 200, PASSED_ON],
] as const) {
  test(`${what} is ${expected === PASSED_ON ? 'passed on' : `answered with ${expected}`}`, async (t) => {
    const fail: RequestHandler = (_request, response) => {
      response.statusCode = statusCode;
      throw error;
    };
    const response = await (await failing(t, [fail]))();
    assert.equal(response.status, expected);
    if (expected !== 401) return;
    assert.deepEqual(await response.json(), {
      error: 'invalid_client',
      error_description: 'Client authentication failed.',
    });
  });
}

test('null, which is no error, is passed on', async (t) => {
  const post = await failing(t, [
    (request, response) =>
      oauthErrorHandler()(null, request, response, (error) => response.end(String(error))),
  ]);
  assert.equal(await (await post()).text(), 'null');
});
