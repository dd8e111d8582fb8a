import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTokenStore, type TokenSet } from '../../../lib/client/index.js';
import {
  answeredTokens,
  isSame,
  isUsable,
  storedTokens,
  tokenSet,
  tokenStore,
} from '../../../lib/client/tokens/token-store.js';

// What a token response may have, and what a store may return.

const NOW = 1_000_000;
const GIVEN = { access_token: 'at', token_type: 'bearer' } as const;

type Response = Parameters<typeof tokenSet>[0];

const made = (members: object = {}, previous?: TokenSet, renewBefore = 60) =>
  tokenSet({ ...GIVEN, ...members } as Response, NOW, renewBefore, previous);

const idToken = (sub?: unknown) =>
  `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.`;

test('a response becomes plain JSON, without members that it lacks', () => {
  assert.deepEqual(Object.entries(made({ expires_in: 600 })), [
    ['accessToken', 'at'],
    ['tokenType', 'bearer'],
    ['expiresAt', NOW + 600],
    ['renewAt', NOW + 540],
  ]);
  assert.deepEqual(made({ expires_in: 600, scope: 's', refresh_token: 'rt', id_token: 'it' }), {
    accessToken: 'at',
    tokenType: 'bearer',
    expiresAt: NOW + 600,
    renewAt: NOW + 540,
    scope: 's',
    refreshToken: 'rt',
    idToken: 'it',
  });
});

const LIFETIMES: readonly (readonly [unknown, number])[] = [
  [undefined, 300],
  [null, 300],
  [0, 0],
  [1.5, 1.5],
  ['600', 600],
  [' 600 ', 600],
  [31_536_000, 31_536_000],
  [31_536_001, 31_536_000],
  [Number.POSITIVE_INFINITY, 31_536_000],
];

for (const [given, lifetime] of LIFETIMES) {
  test(`expires_in ${JSON.stringify(given)} is a lifetime of ${lifetime} s (RFC 6749 §5.1)`, () => {
    assert.equal(made({ expires_in: given }).expiresAt, NOW + lifetime);
  });
}

for (const given of [-1, Number.NaN, '', ' ', 'soon', '-1', true, {}, []]) {
  test(`expires_in ${JSON.stringify(given)} is ignored`, () => {
    assert.throws(() => made({ expires_in: given }), {
      name: 'TypeError',
      message: 'The expires_in of the tokens must be a number of seconds',
    });
  });
}

test('tokens are renewed some time before they expire, after half of the lifetime at the earliest', () => {
  const renewAt = (renewBefore: number) =>
    made({ expires_in: 100 }, undefined, renewBefore).renewAt - NOW;
  assert.deepEqual([0, 10, 50, 51, 3600].map(renewAt), [100, 90, 50, 50, 50]);
});

const WRONG: readonly (readonly [string, unknown, RegExp])[] = [
  ['no response', undefined, /have no access_token: pass the response of the token endpoint$/],
  ['null', null, /have no access_token/],
  ['no access token', { token_type: 'bearer' }, /have no access_token/],
  ['an empty access token', { ...GIVEN, access_token: '' }, /have no access_token/],
  ['an access token that is no text', { ...GIVEN, access_token: 7 }, /have no access_token/],
  ['no token type', { access_token: 'at' }, /^The tokens have no token_type$/],
  ...['é', 'a\n', '\u007f', 'a\u001fb', 'a\tb'].map(
    (access_token) =>
      [
        `the access token ${JSON.stringify(access_token)}`,
        { ...GIVEN, access_token },
        /^The access_token has characters that no token may have \(RFC 6749 appendix A\.12\)$/,
      ] as const,
  ),
  ['a scope that is no text', { ...GIVEN, scope: ['a'] }, /^The scope of the tokens must be text$/],
  ['a refresh token that is no text', { ...GIVEN, refresh_token: 7 }, /^The refresh_token of the/],
  ['an ID token that is no text', { ...GIVEN, id_token: {} }, /^The id_token of the tokens must/],
];

for (const [what, response, message] of WRONG) {
  test(`${what} is not a token response, and the error is a ProviderError`, () => {
    assert.throws(() => tokenSet(response as Response, NOW, 60), { name: 'TypeError', message });
    assert.throws(
      () => answeredTokens(response as Response, NOW, 60),
      (error: Error) => {
        assert.deepEqual(
          [error.name, (error as { status?: unknown }).status],
          ['ProviderError', 502],
        );
        assert.match(error.message, /^The answer of the provider cannot be used: The .*\.$/);
        return true;
      },
    );
  });
}

test('every printable character may be in an access token', () => {
  assert.equal(made({ access_token: ' ~' }).accessToken, ' ~');
  assert.deepEqual(answeredTokens({ ...GIVEN } as Response, NOW, 60), made());
});

test('a refresh keeps the members that the response leaves out (RFC 6749 §6)', () => {
  const before = made({ scope: 's', refresh_token: 'rt', id_token: 'it' });
  for (const empty of [undefined, null, '']) {
    const { scope, refreshToken, idToken } = made(
      { access_token: 'new', scope: empty, refresh_token: empty, id_token: empty },
      before,
    );
    assert.deepEqual([scope, refreshToken, idToken], ['s', 'rt', 'it']);
  }
  const { scope, refreshToken, idToken } = made(
    { scope: 's2', refresh_token: 'rt2', id_token: 'it2' },
    before,
  );
  assert.deepEqual([scope, refreshToken, idToken], ['s2', 'rt2', 'it2']);
});

const SUBJECTS: readonly (readonly [string, string | undefined, string | undefined, boolean])[] = [
  ['the same user', idToken('alice'), idToken('alice'), true],
  ['another user', idToken('mallory'), idToken('alice'), false],
  ['no ID token before', idToken('alice'), undefined, true],
  ['no ID token now', undefined, idToken('alice'), true],
  ['an ID token without a subject', idToken(), idToken('alice'), true],
  ['an ID token that cannot be read', 'it', idToken('alice'), true],
  ['one before that cannot be read', idToken('alice'), 'it', true],
];

for (const [what, now, before, isRight] of SUBJECTS) {
  test(`a refresh with ${what} is ${isRight ? 'accepted' : 'refused'} (OpenID Connect Core §12.2)`, () => {
    const previous = made({ id_token: before });
    const refresh = () => made({ id_token: now }, previous);
    if (isRight) assert.equal(refresh().idToken, now ?? before);
    else {
      assert.throws(refresh, {
        name: 'TypeError',
        message: 'The id_token is of another user than the one before it',
      });
    }
  });
}

const TOKENS: TokenSet = { accessToken: 'at', tokenType: 'bearer', expiresAt: 1, renewAt: 0 };

test('a store returns the stored tokens or undefined', () => {
  assert.equal(storedTokens(TOKENS), TOKENS);
  assert.equal(storedTokens(undefined), undefined);
  assert.equal(storedTokens(null), undefined);
});

for (const wrong of [
  JSON.stringify(TOKENS),
  false,
  {},
  { ...TOKENS, accessToken: undefined },
  { ...TOKENS, tokenType: 7 },
  { ...TOKENS, expiresAt: '1' },
  { ...TOKENS, expiresAt: Number.NaN },
  { ...TOKENS, renewAt: undefined },
]) {
  test(`a store may not return ${JSON.stringify(wrong)}`, () => {
    assert.throws(() => storedTokens(wrong), {
      name: 'TypeError',
      message: /^The stored value is not a TokenSet: a store must return what it was given \(/,
    });
  });
}

test('tokens are used until it is time to renew them, unless they were refused', () => {
  const tokens = { ...TOKENS, renewAt: 100, expiresAt: 200 };
  assert.equal(isUsable(tokens, 99.9, undefined), true);
  assert.equal(isUsable(tokens, 100, undefined), false);
  assert.equal(isUsable(tokens, 99, 'at'), false);
  assert.equal(isUsable(tokens, 99, 'another'), true);
});

test('two entries are equal if their JSON is', () => {
  assert.equal(isSame(undefined, undefined), true);
  assert.equal(isSame(TOKENS, { ...TOKENS }), true);
  assert.equal(isSame(TOKENS, undefined), false);
  assert.equal(isSame(TOKENS, { ...TOKENS, renewAt: 1 }), false);
});

test('a store needs both methods', () => {
  const store = new MemoryTokenStore();
  assert.equal(tokenStore('store', store), store);
  assert.equal(tokenStore('store', undefined), undefined);
  const method = () => undefined;
  for (const wrong of [null, 'redis', {}, { get: method }, { replace: method }]) {
    assert.throws(() => tokenStore('The option store', wrong), {
      name: 'TypeError',
      message: 'The option store must have the methods get and replace of a TokenStore',
    });
  }
});

test('the memory store replaces an entry only if it is the expected one', () => {
  const store = new MemoryTokenStore();
  const other = { ...TOKENS, accessToken: 'other' };
  assert.equal(store.replace('a', TOKENS, other, 60), false);
  assert.equal(store.get('a'), undefined);
  assert.equal(store.replace('a', undefined, TOKENS, 60), true);
  assert.equal(store.replace('a', undefined, other, 60), false);
  assert.equal(store.replace('a', other, undefined, 60), false);
  assert.deepEqual(store.get('a'), TOKENS);
  assert.equal(store.replace('a', TOKENS, other, 60), true);
  assert.deepEqual(store.get('a'), other);
  assert.equal(store.replace('b', undefined, undefined, 60), true);
  assert.equal(store.get('b'), undefined);
});
