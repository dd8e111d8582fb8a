import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Configuration, clientCredentialsGrant } from 'openid-client';
import { AssertionService, callProvider, clientAssertion } from '../../../lib/client/index.js';
import { type Repeatable, sendAgain } from '../../../lib/client/tokens/provider.js';

const withCode = (code: unknown) => Object.assign(new Error('of the socket'), { code });

/** As fetch reports it: the reason is the cause. */
const fetchFailed = (code: unknown) => new TypeError('fetch failed', { cause: withCode(code) });

/** How often a request is sent that fails with the error. */
async function timesSent(error: unknown, repeatable: Repeatable): Promise<number> {
  let times = 0;
  const send = () => {
    times += 1;
    return Promise.reject(error);
  };
  await assert.rejects(sendAgain(send, repeatable), (thrown) => thrown === error);
  return times;
}

const notSent = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
];

for (const code of notSent) {
  test(`after ${code} nothing was sent, so the request is always sent once more`, async () => {
    assert.equal(await timesSent(fetchFailed(code), 'unsent'), 2);
    assert.equal(await timesSent(fetchFailed(code), 'unanswered'), 2);
  });
}

for (const code of ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']) {
  test(`after ${code} the request may have been sent, so it is repeated only if that is harmless`, async () => {
    assert.equal(await timesSent(fetchFailed(code), 'unsent'), 1);
    assert.equal(await timesSent(fetchFailed(code), 'unanswered'), 2);
  });
}

const others: readonly [string, unknown][] = [
  ['another error of the network', fetchFailed('ECONNABORTED')],
  ['a code that is no text', fetchFailed(42)],
  ['an error without a code', new Error('no')],
  ['something that is no error', 'ECONNREFUSED'],
];

for (const [what, error] of others) {
  test(`after ${what} the request is not sent again`, async () => {
    assert.equal(await timesSent(error, 'unanswered'), 1);
  });
}

test('the request is repeated if every address refused the connection (happy eyeballs)', async () => {
  const all = new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]);
  assert.equal(await timesSent(new TypeError('fetch failed', { cause: all }), 'unsent'), 2);
});

test('the answer to the second attempt is the result', async () => {
  const answers = [Promise.reject(fetchFailed('ECONNREFUSED')), Promise.resolve('tokens')];
  assert.equal(await sendAgain(async () => answers.shift(), 'unsent'), 'tokens');
});

test('if a key never signs, the call fails at its deadline', async () => {
  const sign = () => new Promise<Uint8Array>(() => undefined);
  const assertions = new AssertionService({
    clientId: 'client',
    key: { alg: 'ES256', kid: 'remote', sign },
  });
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const config = new Configuration(server, 'client', undefined, clientAssertion(assertions));
  mock.timers.enable({ apis: ['setTimeout'] });
  const called = callProvider(config, () => clientCredentialsGrant(config));
  const refused = assert.rejects(called, {
    name: 'DeadlineError',
    message: 'A call of the provider took longer than 31 s.',
  });
  mock.timers.tick(31_000);
  await refused;
  mock.timers.reset();
});
