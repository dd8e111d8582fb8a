import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, OAuthError } from '../../lib/shared/errors.js';
import {
  FORM_TYPE,
  type FormRequest,
  hasAuthorization,
  oauthAnswer,
  readForm,
  readWebForm,
} from '../../lib/shared/http.js';

const FORM = { 'content-type': FORM_TYPE } as const;

for (const [method, contentType, isForm] of [
  ['POST', FORM_TYPE, true],
  ['POST', `${FORM_TYPE};charset=utf-8`, true],
  ['POST', ` ${FORM_TYPE.toUpperCase()} ; a=b; c=d`, true],
  ['POST', `${FORM_TYPE}x`, false],
  ['POST', `text/plain; ${FORM_TYPE}`, false],
  ['POST', '', false],
  ['POST', undefined, false],
  ['PUT', FORM_TYPE, false],
  [undefined, FORM_TYPE, false],
] as const) {
  test(`${method} of ${JSON.stringify(contentType)} is ${isForm ? 'a' : 'no'} form (RFC 6749 §3.2, RFC 9110 §8.3.1)`, () => {
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const body = { a: '1' };
    assert.equal(readForm({ method, headers, body }), isForm ? body : undefined);
  });
}

const LENGTH = { ...FORM, 'content-length': '3' };
const CHUNKED = { ...FORM, 'transfer-encoding': 'chunked' };
const AS_BYTES = 'express.raw has read it as bytes';
const AS_TEXT = 'express.text has read it as a text';
const NOT_LEFT = 'something has read it and left no req.body';
const NOT_PARSED = 'nothing has parsed it';

for (const [what, request, reader] of [
  ['a body that nobody read', { headers: LENGTH }, NOT_PARSED],
  ['a body in chunks that nobody read', { headers: CHUNKED }, NOT_PARSED],
  ['a body that became null', { headers: LENGTH, body: null }, NOT_PARSED],
  ['a body that became a number', { headers: LENGTH, body: 5 }, NOT_PARSED],
  ['a body that was read', { headers: LENGTH, readableDidRead: true }, NOT_LEFT],
  ['a body that has ended', { headers: LENGTH, readableEnded: true }, NOT_LEFT],
  ['bytes', { headers: LENGTH, body: Buffer.from('a=b'), readableDidRead: true }, AS_BYTES],
  ['a text', { headers: LENGTH, body: 'a=b', readableDidRead: true }, AS_TEXT],
  ['an empty text', { headers: LENGTH, body: '' }, AS_TEXT],
  ['the empty object of Express 4', { headers: LENGTH, body: {} }, NOT_PARSED],
  ['the empty object of Express 4, in chunks', { headers: CHUNKED, body: {} }, NOT_PARSED],
] as const satisfies readonly (readonly [string, FormRequest, string])[]) {
  test(`a form whose body is ${what} is a ConfigurationError that says so`, () => {
    assert.throws(
      () => readForm({ method: 'POST', ...request }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigurationError);
        assert.equal(
          error.message,
          `The request has a form, but ${reader}: mount express.urlencoded({ extended: false }) first, and nothing before it that reads the body.`,
        );
        return true;
      },
    );
  });
}

for (const [what, request] of [
  ['no body', { headers: FORM }],
  ['no body, and null', { headers: FORM, body: null }],
  ['a body of 0 bytes', { headers: { ...FORM, 'content-length': '0' } }],
  ['no bytes', { headers: FORM, body: Buffer.alloc(0) }],
  ['an empty text', { headers: FORM, body: '' }],
  ['an empty object', { headers: FORM, body: {} }],
  ['an empty object that was read', { headers: LENGTH, body: {}, readableDidRead: true }],
  ['an empty object that has ended', { headers: CHUNKED, body: {}, readableEnded: true }],
] as const satisfies readonly (readonly [string, FormRequest])[]) {
  test(`a form with ${what} is an empty form`, () => {
    assert.deepEqual(readForm({ method: 'POST', ...request }), {});
  });
}

test('a form that was parsed before the request was made is used, as in functions of a cloud', () => {
  const body = { a: '1' };
  assert.equal(readForm({ method: 'POST', headers: LENGTH, body }), body);
});

for (const [authorization, counts] of [
  [undefined, false],
  [null, false],
  ['', false],
  [' \t', false],
  ['Basic', true],
] as const) {
  test(`the Authorization header ${JSON.stringify(authorization)} counts as ${counts ? 'sent' : 'absent'}`, () => {
    assert.equal(hasAuthorization(authorization), counts);
  });
}

for (const [status, authorization, challenge] of [
  [401, 'DPoP x', { 'WWW-Authenticate': 'DPoP realm="OAuth"' }],
  [401, 'x-1', { 'WWW-Authenticate': 'x-1 realm="OAuth"' }],
  [401, `${'x'.repeat(32)} y`, { 'WWW-Authenticate': `${'x'.repeat(32)} realm="OAuth"` }],
  [401, `${'x'.repeat(33)} y`, { 'WWW-Authenticate': 'Basic realm="OAuth"' }],
  [401, '1x y', { 'WWW-Authenticate': 'Basic realm="OAuth"' }],
  [401, ' DPoP x', { 'WWW-Authenticate': 'Basic realm="OAuth"' }],
  [401, ' ', {}],
  [401, undefined, {}],
  [400, 'DPoP x', {}],
] as const) {
  test(`the answer ${status} to Authorization ${JSON.stringify(authorization)} is not cached, and ${Object.values(challenge)[0] ?? 'nothing'} is its challenge (RFC 6749 §5.2)`, () => {
    assert.deepEqual(oauthAnswer(new OAuthError('invalid_client', 'No.', status), authorization), {
      status,
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        'Cache-Control': 'no-store',
        Pragma: 'no-cache',
        ...challenge,
      },
      body: '{"error":"invalid_client","error_description":"No."}',
    });
  });
}

/** Reads a form as servers without Express do, at most 20 bytes. */
function read(body: string | null, headers: Record<string, string> = {}, most = 20) {
  const request = new Request('https://as.example/token', { method: 'POST', body });
  return readWebForm(request, { method: 'POST', headers: { ...FORM, ...headers } }, most);
}

for (const [headers, status] of [
  [{ 'content-type': `${FORM_TYPE} ; charset = "UTF-8" ; a=b` }, undefined],
  [{ 'content-type': `${FORM_TYPE};charset=utf8` }, undefined],
  [{ 'content-type': `${FORM_TYPE};charset=utf--8` }, 415],
  [{ 'content-type': `${FORM_TYPE};charset=utf-88` }, 415],
  [{ 'content-type': `${FORM_TYPE};charset=x-utf-8` }, 415],
  [{ 'content-type': `${FORM_TYPE};  CHARSET  =  utf-16` }, 415],
  [{ 'content-type': `${FORM_TYPE};charset="utf-16"` }, 415],
  [{ 'content-type': `${FORM_TYPE};charset=` }, 415],
  [{ 'content-type': `${FORM_TYPE};a-charset=utf-16` }, undefined],
  [{ 'content-encoding': 'Identity' }, undefined],
  [{ 'content-encoding': 'x-identity' }, 415],
  [{ 'content-encoding': 'identity, gzip' }, 415],
  [{ 'content-length': '20' }, undefined],
  [{ 'content-length': '21' }, 413],
] as const) {
  test(`a form with ${JSON.stringify(headers)} is ${status === undefined ? 'read' : `answered with ${status}`} (RFC 9110 §8.4)`, async () => {
    if (status === undefined) {
      assert.deepEqual([...(await read('a=b', headers))], [['a', 'b']]);
      return;
    }
    await assert.rejects(read('a=b', headers), {
      name: 'OAuthError',
      error: 'invalid_request',
      message: 'The request could not be read.',
      status,
    });
  });
}

test('a form is read up to its bound in bytes and 1,000 parameters', async () => {
  assert.equal((await read('a=é'.padEnd(19, 'x'))).get('a')?.length, 17);
  await assert.rejects(read('a=é'.padEnd(20, 'x')), { status: 413 });
  assert.equal((await read('a&'.repeat(1000).slice(0, -1), {}, 2000)).size, 1000);
  await assert.rejects(read('a&'.repeat(1001).slice(0, -1), {}, 2002), { status: 413 });
});

test('a request without a body, or of another type, has an empty form', async () => {
  assert.deepEqual([...(await read(null))], []);
  assert.deepEqual([...(await read('a=b', { 'content-type': 'text/plain' }))], []);
});

test('a body that was read before is a ConfigurationError that says what to do', async () => {
  const request = new Request('https://as.example/token', { method: 'POST', body: 'a=b' });
  await request.text();
  await assert.rejects(readWebForm(request, { method: 'POST', headers: FORM }, 20), {
    name: 'ConfigurationError',
    message:
      'The request has a form, but something has read its body: authenticate the request before anything else reads it, or give authenticate the form as URLSearchParams.',
  });
});
