import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ClientRefusedError,
  failureOf,
  isClientFailure,
  LoginRequiredError,
  ProviderError,
  type Seen,
  withoutSecrets,
} from '../../../lib/client/tokens/failures.js';

// What openid-client throws, and what was seen of the request and its answer.

const oauthError = (members: object = {}, message = 'server responded with an error') =>
  Object.assign(new Error(message), { code: 'OAUTH_RESPONSE_BODY_ERROR' }, members);

const seen = (members: Partial<Seen> = {}): Seen => ({ secrets: new Set(), ...members });

const SENT = { kid: 'key-1', alg: 'ES256', typ: 'JWT', aud: 'https://as.example' };
const OF_SENT = ' The assertion had kid "key-1", alg ES256, typ JWT and aud "https://as.example".';

function failure(thrown: unknown, what: Partial<Seen> = {}) {
  const found = failureOf(thrown, seen(what));
  assert.ok(isClientFailure(found), String(found));
  return found;
}

test('each failure says who has to act, also by its class and code', () => {
  const table = [
    [new LoginRequiredError('x'), 'LoginRequiredError', 'login_required', 401],
    [new ClientRefusedError('x'), 'ClientRefusedError', 'client_refused', 502],
    [new ProviderError(502, 'x'), 'ProviderError', 'provider_failed', 502],
    [new ProviderError(503, 'x'), 'ProviderError', 'provider_failed', 503],
  ] as const;
  for (const [error, name, code, status] of table) {
    assert.deepEqual(
      { ...error },
      {
        name,
        code,
        status,
        statusCode: status,
        expose: false,
        help: `passport-private-key-jwt/docs/troubleshooting.md#${code}`,
        error: undefined,
        error_description: undefined,
      },
    );
    assert.ok(!('cause' in error), 'a cause without a value is no member');
  }
  const cause = new Error('why');
  const details = { error: 'a', description: 'b', cause };
  const { error, error_description, cause: kept } = new LoginRequiredError('x', details);
  assert.deepEqual([error, error_description, kept], ['a', 'b', cause]);
});

test('only errors of this family say who has to act', () => {
  assert.equal(isClientFailure(new LoginRequiredError('x')), true);
  for (const other of [new Error('x'), { name: 'LoginRequiredError' }, undefined]) {
    assert.equal(isClientFailure(other), false);
  }
});

for (const error of [
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
  'invalid_token',
  'expired_token',
]) {
  test(`after ${error} the user has to log in again (OpenID Connect Core §3.1.2.6)`, () => {
    const { name, message } = failure(oauthError({ error }));
    assert.equal(name, 'LoginRequiredError');
    assert.equal(message, `The user must log in again: the provider says ${error}.`);
  });
}

for (const error of ['server_error', 'temporarily_unavailable', 'slow_down']) {
  test(`${error} is an outage (RFC 6749 §4.1.2.1), whatever the status is`, () => {
    const { name, status, message } = failure(oauthError(), { error, status: 400 });
    assert.deepEqual({ name, status }, { name: 'ProviderError', status: 503 });
    assert.equal(message, `The provider cannot answer at the moment: ${error}.`);
  });
}

const STATUS: readonly (readonly [number | undefined, string, string])[] = [
  [429, 'ProviderError', 'The provider cannot answer at the moment: status 429.'],
  [500, 'ProviderError', 'The provider cannot answer at the moment: status 500.'],
  [599, 'ProviderError', 'The provider cannot answer at the moment: status 599.'],
  [499, 'ProviderError', 'The answer of the provider cannot be used (status 499): odd answer.'],
  [200, 'ProviderError', 'The answer of the provider cannot be used (status 200): odd answer.'],
  [undefined, 'ProviderError', 'The answer of the provider cannot be used: odd answer.'],
  [401, 'ClientRefusedError', 'The provider refused this client: status 401.'],
];

for (const [status, name, message] of STATUS) {
  test(`status ${status} without an OAuth error is a ${name}`, () => {
    const found = failure(oauthError({}, 'odd answer'), { status });
    assert.deepEqual([found.name, found.message], [name, message]);
    assert.equal(found.status, status === 429 || (status ?? 0) >= 500 ? 503 : 502);
  });
}

test('an unusable answer is named with its type and the reasons', () => {
  const cause = new Error('inner', { cause: new Error('innermost') });
  const { message, status } = failure(Object.assign(oauthError({}, 'outer'), { cause }), {
    status: 200,
    contentType: 'text/html',
  });
  assert.equal(
    message,
    'The answer of the provider cannot be used (status 200, text/html): outer: inner.',
  );
  assert.equal(status, 502);
});

const INVALID_GRANT: readonly (readonly [string | undefined, string | undefined, string])[] = [
  [undefined, undefined, 'LoginRequiredError'],
  ['refresh_token', undefined, 'LoginRequiredError'],
  ['refresh_token', 'The token was revoked', 'LoginRequiredError'],
  ['refresh_token', 'Client AUTH failed', 'ClientRefusedError'],
  ['refresh_token', 'The assertion is wrong', 'ClientRefusedError'],
  ['authorization_code', "the authorization code's redirect_uri", 'ClientRefusedError'],
  ...['refreshtoken', 'refresh_token', 'authorizationcode', 'codeverifier', 'code_verifier'].map(
    (grant) => ['authorization_code', `the jwt of the ${grant}`, 'LoginRequiredError'] as const,
  ),
  ...['audience', 'aud', 'jwt', 'JWT', 'signature', 'kid', 'jti'].flatMap(
    (word) =>
      [
        ['refresh_token', `the ${word} is wrong`, 'ClientRefusedError'],
        ['refresh_token', `the ${word} of the refresh token is wrong`, 'LoginRequiredError'],
        ['refresh_token', `the ${word} of the assertion, no refresh token`, 'ClientRefusedError'],
      ] as const,
  ),
  // Other words that contain one of these say nothing about an assertion.
  ['refresh_token', 'applaud, kidney, adjwtx and jtis', 'LoginRequiredError'],
  ['authorization_code', 'the code_verifier is no jwt', 'LoginRequiredError'],
  ['authorization_code', 'authorization code: wrong aud', 'LoginRequiredError'],
  ['authorization_code', 'PKCE: jwt', 'LoginRequiredError'],
  ['client_credentials', undefined, 'ClientRefusedError'],
  ['client_credentials', 'refresh token', 'ClientRefusedError'],
  ['urn:ietf:params:oauth:grant-type:jwt-bearer', undefined, 'ClientRefusedError'],
];

for (const [grantType, description, name] of INVALID_GRANT) {
  test(`invalid_grant for ${grantType}, "${description}", is a ${name} (RFC 6749 §5.2)`, () => {
    const found = failure(oauthError(), { error: 'invalid_grant', description, grantType });
    assert.equal(found.name, name);
    assert.equal(found.error_description, description);
  });
}

test('invalid_token is the fault of the client only if an assertion was sent', () => {
  assert.equal(failure(oauthError({ error: 'invalid_token' })).name, 'LoginRequiredError');
  const sent = failure(oauthError({ error: 'invalid_token' }), { sent: SENT });
  assert.equal(sent.name, 'ClientRefusedError');
  const other = failure(oauthError({ error: 'login_required' }), { sent: SENT });
  assert.equal(other.name, 'LoginRequiredError');
  assert.equal(
    other.message,
    `The user must log in again: the provider says login_required.${OF_SENT}`,
  );
});

const ASSERTIONS: readonly (readonly [object, string])[] = [
  [{}, OF_SENT],
  [
    { aud: ['https://as.example', 'https://b.example'] },
    ' The assertion had kid "key-1", alg ES256, typ JWT and aud "https://as.example", "https://b.example".',
  ],
  [
    { kid: undefined, typ: undefined },
    ' The assertion had no kid, alg ES256, typ none and aud "https://as.example".',
  ],
];

for (const [members, text] of ASSERTIONS) {
  test(`a refusal says what was sent:${text}`, () => {
    const { message } = failure(oauthError({ error: 'invalid_client' }), {
      sent: { ...SENT, ...members },
    });
    assert.equal(message, `The provider refused this client: invalid_client.${text}`);
  });
}

test('a description loses only the dots at its end', () => {
  const { message, error_description } = failure(
    oauthError({ error: 'invalid_client', error_description: 'No key. See v1.2...' }),
  );
  assert.equal(message, 'The provider refused this client: invalid_client: No key. See v1.2.');
  assert.equal(error_description, 'No key. See v1.2...');
});

const at = (parameters?: object) => ({ scheme: 'bearer', ...(parameters && { parameters }) });

const PLACES: readonly (readonly [string, object, Partial<Seen>, unknown[]])[] = [
  [
    'the body comes first',
    { error: 'b', error_description: 'of b', cause: new URLSearchParams({ error: 'c' }) },
    { error: 'a', description: 'of a' },
    ['a', 'of a'],
  ],
  [
    'then the error itself',
    {
      error: 'b',
      error_description: 'of b',
      cause: new URLSearchParams({ error: 'c', error_description: 'of c' }),
    },
    {},
    ['b', 'of b'],
  ],
  [
    'then the authorization response (RFC 6749 §4.1.2.1)',
    { cause: new URLSearchParams({ error: 'c', error_description: 'of c' }) },
    {},
    ['c', 'of c'],
  ],
  [
    'then the first challenge that has an error (RFC 6750 §3)',
    {
      cause: [
        at(),
        at({ realm: 'x', error_description: 'of no error' }),
        at({ error: 'd', error_description: 'of d' }),
        at({ error: 'e' }),
      ],
    },
    {},
    ['d', 'of d'],
  ],
  [
    'no challenge has an error',
    { cause: [at({ error_description: 'of none' })] },
    { status: 401 },
    [undefined, undefined],
  ],
  [
    'an error that is not text is ignored',
    { error: 7, error_description: ['x'] },
    { status: 401, secrets: new Set(['secret-1']) },
    [undefined, undefined],
  ],
];

for (const [what, members, more, expected] of PLACES) {
  test(`the OAuth error of an answer: ${what}`, () => {
    const { error, error_description } = failure(oauthError(members), more);
    assert.deepEqual([error, error_description], expected);
  });
}

test('tokens that were sent are struck out of an error and its description', () => {
  const { error, error_description, message } = failure(oauthError(), {
    error: 'no secret-1',
    description: 'secret-1, secret-2 and secret-1',
    secrets: new Set(['secret-1', 'secret-2']),
  });
  assert.equal(error, 'no [secret]');
  assert.equal(error_description, '[secret], [secret] and [secret]');
  assert.doesNotMatch(message, /secret-/);
});

const UNREACHABLE: readonly (readonly [string, unknown, Partial<Seen>, string])[] = [
  [
    'a timeout of openid-client',
    Object.assign(new Error('x'), { code: 'OAUTH_TIMEOUT' }),
    {},
    ' (timeout)',
  ],
  ['a network error without a code', new Error('x'), { networkError: new Error('x') }, ''],
  [
    'a deadline',
    new Error('x', { cause: new DOMException('of the signal', 'TimeoutError') }),
    { networkError: 1 },
    ' (timeout)',
  ],
  [
    'a network error with a code',
    new Error('x', { cause: Object.assign(new Error('y'), { code: 'ECONNRESET' }) }),
    { networkError: 1 },
    ' (ECONNRESET)',
  ],
  [
    'the innermost code counts',
    Object.assign(new Error('x', { cause: Object.assign(new Error('y'), { code: 'INNER' }) }), {
      code: 'OUTER',
    }),
    { networkError: 1 },
    ' (INNER)',
  ],
  [
    'the first of several addresses',
    new Error('x', {
      cause: new AggregateError([Object.assign(new Error('y'), { code: 'ENETUNREACH' })]),
    }),
    { networkError: 1 },
    ' (ENETUNREACH)',
  ],
  [
    'a code that is not text is ignored',
    new Error('x', { cause: Object.assign(new Error('y'), { code: 7 }) }),
    { networkError: 1 },
    '',
  ],
];

for (const [what, thrown, more, why] of UNREACHABLE) {
  test(`the provider cannot be reached: ${what}`, () => {
    const found = failure(thrown, more);
    assert.deepEqual(
      [found.name, found.status, found.message],
      ['ProviderError', 503, `The provider cannot be reached${why}.`],
    );
    assert.equal((found.cause as Error).message, 'x');
  });
}

test('an answer that is not OAuth is reported first, with its cause', () => {
  const { status, message, cause } = failure(new Error('why'), {
    nonsense: 'it is odd',
    networkError: new Error('x'),
  });
  assert.equal(status, 502);
  assert.equal(message, 'The answer of the provider cannot be used: it is odd.');
  assert.equal((cause as Error).message, 'why');
});

const OWN: readonly (readonly [string, unknown])[] = [
  ['no error', 'text'],
  ['undefined', undefined],
  ['a failure that already says who has to act', new LoginRequiredError('x')],
  ['an error of the application', new Error('x')],
  ['an error of the application with a cause', new Error('x', { cause: new Error('y') })],
  ['an error with a code of its own', Object.assign(new Error('x'), { code: 'E_OAUTH_' })],
  ["openid-client's words without a cause", new Error('something went wrong')],
  ...['OAUTH_HTTP_REQUEST_FORBIDDEN', 'OAUTH_REQUEST_PROTOCOL_FORBIDDEN'].map(
    (code) =>
      [
        `${code}, which is thrown before anything is sent`,
        Object.assign(new Error('x'), { code }),
      ] as const,
  ),
];

for (const [what, thrown] of OWN) {
  test(`it is returned unchanged: ${what}`, () => {
    assert.equal(failureOf(thrown, seen()), thrown);
  });
}

test('a failure that is already classified stays unchanged, even if the last answer was unusable', () => {
  const thrown = new LoginRequiredError('x');
  assert.equal(failureOf(thrown, seen({ nonsense: 'odd' })), thrown);
  assert.equal(failureOf('text', seen({ nonsense: 'odd' })), 'text');
});

test("openid-client's wrapper is removed from an error of the application", () => {
  const cause = new Error('the key service is down');
  assert.equal(failureOf(new Error('something went wrong', { cause }), seen()), cause);
});

test('a copied error has its name, code, status and causes, and nothing else', () => {
  const inner = Object.assign(new TypeError('inner'), { code: 'ECODE', status: 418, body: 'at' });
  const copy = withoutSecrets(new RangeError('outer', { cause: inner })) as Error;
  assert.deepEqual(Object.entries(copy), [['name', 'RangeError']]);
  assert.equal(copy.message, 'outer');
  const cause = copy.cause as Error;
  assert.deepEqual({ ...cause }, { name: 'TypeError', code: 'ECODE', status: 418 });
  assert.equal(cause.message, 'inner');
  assert.ok(!('cause' in cause));
  const odd = Object.assign(new Error('x'), { code: 7, status: '418' });
  assert.deepEqual({ ...(withoutSecrets(odd) as Error) }, { name: 'Error' });
});

test('a copied error does not quote a body, and stops at six errors', () => {
  assert.equal(
    withoutSecrets(new SyntaxError('Unexpected token in {"at":1}'))?.message,
    'not JSON',
  );
  const first = withoutSecrets(new AggregateError([new Error('one'), new Error('two')], 'all'));
  assert.equal((first?.cause as Error | undefined)?.message, 'one');
  for (const other of [undefined, 'text', { message: 'x' }]) {
    assert.equal(withoutSecrets(other), undefined);
  }
  const circle = new Error('0');
  circle.cause = circle;
  let length = 0;
  for (let each = withoutSecrets(circle); each !== undefined; each = each.cause as Error)
    length += 1;
  assert.equal(length, 6);
  assert.match(failure(circle, { networkError: 1 }).message, /cannot be reached\.$/);
});
