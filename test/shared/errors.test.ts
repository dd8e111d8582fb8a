import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientAuthenticationError, OAuthError, RequestObjectError } from '../../lib/index.js';
import { ConfigurationError } from '../../lib/shared/errors.js';

const HELP = 'passport-private-key-jwt/docs/troubleshooting.md#';

test('an OAuthError has the members that frameworks and programs read (RFC 6749 §5.2)', () => {
  const error = new OAuthError('invalid_scope', 'The scope "x\\y" is\nunknown: é.');
  assert.ok(error instanceof Error);
  assert.ok(!('cause' in error));
  const { name, message, error: oauth, code, status, statusCode, expose } = error;
  assert.deepEqual(
    { name, message, oauth, code, status, statusCode, expose },
    {
      name: 'OAuthError',
      message: 'The scope  x y  is unknown:  .',
      oauth: 'invalid_scope',
      code: 'invalid_scope',
      status: 400,
      statusCode: 400,
      expose: true,
    },
  );
  assert.deepEqual(error.toJSON(), { error: 'invalid_scope', error_description: message });
  const caused = new OAuthError('server_error', 'x', 500, { code: 'down', cause: 1 });
  assert.deepEqual([caused.code, caused.cause, caused.statusCode], ['down', 1, 500]);
});

for (const [what, settings, authorization, status] of [
  ['without settings', undefined, false, 401],
  ['with a status of 400', 400, false, 400],
  ['with a status of 401', 401, false, 401],
  ['with a status of 400, after an Authorization header', 400, true, 401],
] as const) {
  test(`a refused client is answered with ${status} ${what} (RFC 6749 §5.2)`, () => {
    const given = settings && { detailedErrors: false, invalidClientStatus: settings };
    const failure = { reason: 'expired', expected: 1, actual: 'x', cause: 'y' } as const;
    const error = new ClientAuthenticationError(failure, given, authorization);
    assert.deepEqual(
      { ...error, name: error.name, message: error.message, cause: error.cause },
      {
        name: 'ClientAuthenticationError',
        message: 'Client authentication failed.',
        error: 'invalid_client',
        code: 'expired',
        reason: 'expired',
        help: `${HELP}expired`,
        expected: 1,
        actual: 'x',
        cause: 'y',
        status,
        statusCode: status,
        expose: true,
      },
    );
  });
}

test('a status other than 401 is not changed, and by default there is no header', () => {
  const settings = { detailedErrors: false, invalidClientStatus: 400 } as const;
  const down = new ClientAuthenticationError({ reason: 'client_lookup_failed' }, settings);
  assert.equal(down.status, 503);
  assert.equal(down.message, 'The server cannot authenticate clients at the moment.');
  assert.equal(new ClientAuthenticationError({ reason: 'expired' }, settings).status, 400);
});

test('only detailedErrors tell the caller the reason', () => {
  const settings = { detailedErrors: true, invalidClientStatus: 401 } as const;
  const { message } = new ClientAuthenticationError({ reason: 'expired' }, settings);
  assert.notEqual(message, 'Client authentication failed.');
  const repeated = new ClientAuthenticationError({ reason: 'parameter_repeated' });
  assert.equal(repeated.error, 'invalid_request');
  assert.notEqual(repeated.message, 'Client authentication failed.');
});

test('the caller does not learn why a request object is refused (RFC 9101 §6.3)', () => {
  const failure = { reason: 'expired', expected: 1, actual: 'x', cause: 'y' } as const;
  const error = new RequestObjectError(failure);
  assert.deepEqual(
    { ...error, name: error.name, message: error.message, cause: error.cause },
    {
      name: 'RequestObjectError',
      message: 'The request object is invalid.',
      error: 'invalid_request_object',
      code: 'expired',
      reason: 'expired',
      help: `${HELP}expired`,
      expected: 1,
      actual: 'x',
      cause: 'y',
      status: 400,
      statusCode: 400,
      expose: true,
    },
  );
});

test('a ConfigurationError has a code and a page', () => {
  const { name, code, help } = new ConfigurationError('x');
  assert.deepEqual([name, code], ['ConfigurationError', 'configuration_invalid']);
  assert.equal(help, `${HELP}configuration_invalid`);
});
