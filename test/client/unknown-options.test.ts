import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Configuration } from 'openid-client';
import type { JwtContext } from '../../lib/client/assertion-source.js';
import {
  AssertionService,
  type AssertionServiceOptions,
  ClientTokenManager,
  type KeyDemands,
  KeyRing,
  keyFiles,
  OpenIdConnectStrategy,
  type OpenIdConnectStrategyOptions,
  presets,
  SigningKey,
  UserTokenManager,
} from '../../lib/client/index.js';
import { ISSUER } from '../support/assertion.js';
import { keyPair } from '../support/keys.js';

const key = keyPair('RS256').privateKey;
const keys = [key];
const clientId = 'client';
const config = new Configuration({ issuer: ISSUER }, clientId);
const assertions = new AssertionService({ clientId, key, issuer: ISSUER });
const callbackURL = 'https://client.example/callback';
const strategy = (options: object) =>
  new OpenIdConnectStrategy(
    { config, callbackURL, ...options } as OpenIdConnectStrategyOptions,
    (_tokens, verified) => verified(null, {}),
  );
const service = (options: object) =>
  new AssertionService({ clientId, key, ...options } as AssertionServiceOptions);

/** What takes options, with those that there are not, and what is said of them. */
const REFUSED: readonly (readonly [make: () => unknown, sentence: string])[] = [
  [() => service({ lifetme: 60 }), 'AssertionService has no option lifetme: use lifetime'],
  [() => service({ alg: 'PS256' }), 'AssertionService has no option alg: use key: { key, alg }'],
  [() => service({ kid: '1' }), 'AssertionService has no option kid: use key: { key, kid }'],
  [
    () => service({ certificate: '' }),
    'AssertionService has no option certificate: use key: { key, certificate }',
  ],
  [
    () => service({ ...presets.okta, keyHeaders: [] }),
    'AssertionService has no option keyHeaders: use keyHeader',
  ],
  [
    () => service({ requestObject: { audiance: ISSUER } }),
    'requestObject has no option audiance: use audience',
  ],
  [
    () => SigningKey.from({ key, algo: 'PS256' } as { key: typeof key }),
    'A signing key has no option algo: use alg',
  ],
  [
    () => SigningKey.from(key, { algorithm: ['PS256'] } as KeyDemands),
    'SigningKey.from has no option algorithm: use algorithms',
  ],
  [
    () => new KeyRing({ keys, publishbefore: 5 } as { keys: typeof keys }),
    'KeyRing has no option publishbefore: use publishBefore',
  ],
  [
    () => keyFiles(['current.pem'], { passPhrase: 'secret' } as object),
    'keyFiles has no option passPhrase: use passphrase',
  ],
  [() => keyFiles(['a.pem'], { kid: 'a' } as object), 'keyFiles has no option kid: there are '],
  [
    () => strategy({ callbackUrl: callbackURL }),
    'OpenIdConnectStrategy has no option callbackUrl: use callbackURL',
  ],
  [
    () => strategy({ useJAR: key }),
    'OpenIdConnectStrategy has no option useJAR: use signedAuthorizeRequests',
  ],
  [
    () => new ClientTokenManager({ config, dpop: {} } as { config: Configuration }),
    'ClientTokenManager has no option dpop: use DPoP',
  ],
  [
    () => new UserTokenManager({ config, keepfor: 60 } as { config: Configuration }),
    'UserTokenManager has no option keepfor: use keepFor',
  ],
  [
    () => new ClientTokenManager({ config }).fetch(ISSUER, { scopes: 'a' } as object),
    'A token request has no option scopes: use scope',
  ],
];

for (const [make, sentence] of REFUSED) {
  test(`an unknown option is refused: ${sentence}`, () => {
    assert.throws(make, (error: Error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.startsWith(sentence), error.message);
      return true;
    });
  });
}

test('the arguments of a single call are checked too', async () => {
  const context = { audiance: 'https://other.example' } as JwtContext;
  const message = 'The context of a JWT has no option audiance: use audience';
  await assert.rejects(assertions.createClientToken(context), { name: 'TypeError', message });
  await assert.rejects(assertions.signAuthorizationRequest({}, context), { message });
  const request = { resources: 'https://api.example' } as object;
  await assert.rejects(new ClientTokenManager({ config }).getToken(request), {
    name: 'TypeError',
    message: 'A token request has no option resources: use resource',
  });
});

test('every preset is valid, alone and with options that override it', () => {
  for (const preset of Object.values(presets)) {
    const { keyHeader: _keyHeader, algorithms: _algorithms, ...rest } = preset as KeyDemands;
    assert.ok(service({ ...rest, requestObject: { lifetime: 60 }, header: {} }));
  }
});
