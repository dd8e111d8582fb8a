import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import express from 'express';
import type { AssertionClient, Reason } from '../../../lib/index.js';
import {
  assertionForm,
  ISSUER,
  seconds,
  signAssertion,
  validClaims,
} from '../../support/assertion.js';
import { clientWith, jwkSecret, REFUSAL } from '../../support/attacks.js';
import { type KeyPair, keyPair, newKeyPair } from '../../support/keys.js';
import { oauthAnswer } from '../../support/oauth-answer.js';
import {
  kubernetesClaims,
  platform,
  platformKey,
  platformOptions,
  SUBJECT,
  type TokenDifferences,
  tokenOf,
  trustIn,
} from '../../support/platform.js';
import { encoded, hmacSigner, rawJws, rightSigner } from '../../support/raw-jws.js';
import { tokenEndpoint } from '../../support/token-endpoint.js';

// Tokens of workloads that try to authenticate a client that does not trust them (RFC 7523 §3).

const all = { after };
const own = newKeyPair('ES256', { kid: 'own' });
const ownRsa = newKeyPair('RS256', { kid: 'own rsa' });
const cluster = await platform(all);
const otherCluster = await platform(all, { name: 'other.example' });
const github = await platform(all, { name: 'token.actions.example' });
/** Its discovery document names another issuer. */
const liar = await platform(all, { name: 'liar.example' });
liar.documents['/.well-known/openid-configuration'] = {
  issuer: cluster.issuer,
  jwks_uri: liar.jwksUri,
};
/** Its discovery document leads to the keys of another issuer. */
const borrower = await platform(all, { name: 'borrower.example' });
borrower.documents['/.well-known/openid-configuration'] = {
  issuer: borrower.issuer,
  jwks_uri: cluster.jwksUri,
};
const slashed = await platform(all, { name: 'slashed.example', path: '/tenant/' });
/** Says that it is the cluster, and has keys of its own. */
const impostor = { issuer: cluster.issuer, pair: platformKey() };
const impostorsHost = await platform(all, { name: 'impostor.example', pair: impostor.pair });
const shared = newKeyPair('RS256', { kid: 'shared' });

const GITHUB_SUBJECT = 'repo:octo-org/octo-repo:environment:production';
const githubTrust = (more = {}) =>
  trustIn(github, { subject: GITHUB_SUBJECT, singleUse: true, ...more });

/** As a database column gives them that has no value. */
const NULL_KEYS = { jwks: null, jwksUri: null } as never;

const CLIENTS: readonly AssertionClient[] = [
  clientWith('workload', [trustIn(cluster)]),
  clientWith('other workload', [trustIn(cluster, { subject: `${SUBJECT}-2` })]),
  clientWith('both', [jwkSecret(own), jwkSecret(ownRsa), trustIn(cluster)]),
  clientWith('keys only', [jwkSecret(own)]),
  clientWith('none', []),
  clientWith('two platforms', [
    trustIn(cluster),
    trustIn(otherCluster, { subject: `${SUBJECT}-other` }),
  ]),
  clientWith('of the liar', [trustIn(liar)]),
  clientWith('of the borrower', [trustIn(borrower)]),
  clientWith('slashed', [trustIn(slashed)]),
  clientWith('pinned', [trustIn(cluster)], { tokenEndpointAuthMethod: 'private_key_jwt' }),
  clientWith('pinned to a secret', [trustIn(cluster)], {
    tokenEndpointAuthMethod: 'client_secret_basic',
  }),
  clientWith('pinned to HMAC', [trustIn(cluster)], {
    tokenEndpointAuthMethod: 'client_secret_jwt',
  }),
  clientWith('disabled', [trustIn(cluster)], { disabled: true }),
  clientWith('expired', [trustIn(cluster, { expiration: seconds() - 1 })]),
  clientWith('another alg', [trustIn(cluster)], { tokenEndpointAuthSigningAlg: 'ES256' }),
  clientWith('short', [trustIn(cluster, { maxLifetime: 600 })], { maxLifetime: 1_000_000 }),
  clientWith('long', [trustIn(cluster)], { maxLifetime: 10 }),
  clientWith('audience', [trustIn(cluster, { audience: 'api://tokens' })]),
  clientWith('claims', [
    trustIn(cluster, { claims: { environment: 'production', attempt: 1, protected: true } }),
  ]),
  clientWith('by name', [trustIn(cluster, { claims: { toString: 'x' } as never })]),
  clientWith('job', [githubTrust({ claims: { repository: 'octo-org/octo-repo' } })]),
  clientWith('of the impostor', [trustIn(cluster, { jwksUri: impostorsHost.jwksUri })]),
  clientWith('static', [trustIn(cluster, { jwks: { keys: [shared.publicJwk] } })]),
  clientWith('null members', [null as never, trustIn(cluster, NULL_KEYS)]),
  clientWith(cluster.issuer, [trustIn(cluster)]),
  clientWith('wildcard', [trustIn(cluster, { subject: 'system:serviceaccount:*' })]),
  clientWith('misspelt', [trustIn(cluster, { claim: { environment: 'x' } } as never)]),
  clientWith('no subject', [trustIn(cluster, { subject: '' })]),
  clientWith('undefined subject', [trustIn(cluster, { subject: undefined } as never)]),
  clientWith('private key', [
    trustIn(cluster, {
      jwks: { keys: [cluster.pair.privateKey.export({ format: 'jwk' }) as never] },
    }),
  ]),
];

/** A request with a platform's token. */
interface Case {
  readonly name: string;
  /** Undefined where the client is authenticated. */
  readonly reason: Reason | undefined;
  /** Default `workload`; null for none. */
  readonly clientId?: string | null;
  readonly token?: TokenDifferences;
  /** Sent instead of a token of the cluster. */
  readonly assertion?: () => string | Promise<string>;
}

const GITHUB_CLAIMS = {
  aud: ISSUER,
  sub: GITHUB_SUBJECT,
  repository: 'octo-org/octo-repo',
  'kubernetes.io': undefined,
};

const githubToken = (claims: Record<string, unknown> = {}) =>
  tokenOf(github, { claims: { ...GITHUB_CLAIMS, ...claims } });

const NOT_A_TEXT: readonly unknown[] = [undefined, null, '', 0, true, [SUBJECT], { sub: SUBJECT }];

const nearMisses = (issuer: string): string[] => [
  `${issuer}/`,
  issuer.toUpperCase(),
  issuer.replace('https:', 'http:'),
  issuer.replace('https:', 'HTTPS:'),
  issuer.replace('cluster.local', 'cluster.local.'),
  issuer.replace('kubernetes', 'kubernetes%2e'),
  issuer.replace('https://', 'https://user@'),
  ` ${issuer}`,
  `${issuer}#`,
  `${issuer}?`,
  `${issuer}/.`,
  issuer.slice(0, -1),
  'https://evil.example',
  'own',
];

const CASES: readonly Case[] = [
  { name: 'a token of the workload', reason: undefined },
  { name: 'with keys of its own besides', reason: undefined, clientId: 'both' },
  { name: 'of a client pinned to private_key_jwt', reason: undefined, clientId: 'pinned' },
  { name: 'an alg other than the one of its own keys', reason: undefined, clientId: 'another alg' },
  { name: 'longer than the client’s own maxLifetime', reason: undefined, clientId: 'long' },
  { name: 'an audience that is a string', reason: undefined, token: { claims: { aud: ISSUER } } },
  { name: 'no jti', reason: undefined, token: { claims: { jti: undefined } } },
  { name: 'a jti that is no string', reason: undefined, token: { claims: { jti: 7 } } },
  {
    name: 'a token that lives for a day',
    reason: undefined,
    token: { claims: { exp: seconds() + 86_000, iat: seconds() - 300 } },
  },
  {
    name: 'an issuer with a path and a final slash',
    reason: undefined,
    clientId: 'slashed',
    assertion: () => tokenOf(slashed),
  },
  { name: 'a token of GitHub', reason: undefined, clientId: 'job', assertion: () => githubToken() },
  {
    name: 'the client’s own assertion beside trust in a platform',
    reason: undefined,
    clientId: 'both',
    assertion: () => signAssertion('both', { pair: own, header: { kid: 'own' } }),
  },
  {
    name: 'keys that the secret has itself',
    reason: undefined,
    clientId: 'static',
    assertion: () => tokenOf({ issuer: cluster.issuer, pair: shared }),
  },

  { name: 'no client_id', reason: 'subject_mismatch', clientId: null },
  { name: 'an unknown client', reason: 'unknown_client', clientId: 'nobody' },
  {
    name: 'a token that is for another client',
    reason: 'subject_mismatch',
    clientId: 'other workload',
  },
  { name: 'a client that trusts no platform', reason: 'subject_mismatch', clientId: 'keys only' },
  { name: 'a client without secrets', reason: 'subject_mismatch', clientId: 'none' },
  {
    name: 'a token of another cluster with the same subject',
    reason: 'subject_mismatch',
    assertion: () => tokenOf(otherCluster),
  },
  {
    name: 'a token of another trusted cluster with the subject of this one',
    reason: 'subject_mismatch',
    clientId: 'two platforms',
    assertion: () => tokenOf(otherCluster),
  },
  {
    name: 'another cluster that says it is this one',
    reason: 'signature_invalid',
    assertion: () => tokenOf(impostor),
  },
  {
    name: 'the keys of one trusted issuer for another',
    reason: 'signature_invalid',
    clientId: 'two platforms',
    token: { pair: otherCluster.pair, header: { kid: otherCluster.pair.publicJwk.kid } },
  },
  {
    name: 'the client’s own key with the platform’s iss',
    reason: 'no_matching_key',
    clientId: 'both',
    token: { pair: own, header: { kid: 'own' } },
  },
  {
    name: 'the client’s own RSA key with the platform’s iss',
    reason: 'signature_invalid',
    clientId: 'both',
    token: { pair: ownRsa, header: { kid: 'own rsa' } },
  },
  {
    name: 'the client’s own RSA key, under the kid of the platform',
    reason: 'signature_invalid',
    clientId: 'static',
    token: { pair: keyPair('RS256') },
  },
  {
    name: 'the platform’s key for the client’s own assertion',
    reason: 'no_matching_key',
    clientId: 'workload',
    assertion: () => signAssertion('workload', { pair: cluster.pair }),
  },
  {
    name: 'the platform’s given key for the client’s own assertion',
    reason: 'no_matching_key',
    clientId: 'static',
    assertion: () => signAssertion('static', { pair: shared, header: { kid: 'shared' } }),
  },
  {
    name: 'a client whose id is the issuer, by a token with sub = iss',
    reason: 'no_matching_key',
    clientId: cluster.issuer,
    token: { claims: { sub: cluster.issuer } },
  },
  {
    name: 'a client whose id is the issuer, by a token of a workload',
    reason: 'subject_mismatch',
    clientId: cluster.issuer,
  },
  {
    name: 'an issuer whose discovery document names another one',
    reason: 'jwks_uri_failed',
    clientId: 'of the liar',
    assertion: () => tokenOf(liar),
  },
  {
    name: 'an issuer whose discovery document leads to the keys of another: its own key',
    reason: 'signature_invalid',
    clientId: 'of the borrower',
    assertion: () => tokenOf(borrower),
  },
  {
    name: 'another repository at a public issuer',
    reason: 'subject_mismatch',
    clientId: 'job',
    assertion: () => githubToken({ sub: 'repo:mallory/octo-repo:environment:production' }),
  },
  {
    name: 'a fork: the right subject with another repository',
    reason: 'claim_mismatch',
    clientId: 'job',
    assertion: () => githubToken({ repository: 'mallory/octo-repo' }),
  },
  {
    name: 'a pull request of the right repository',
    reason: 'subject_mismatch',
    clientId: 'job',
    assertion: () => githubToken({ sub: 'repo:octo-org/octo-repo:pull_request' }),
  },
  {
    name: 'singleUse without jti',
    reason: 'jwt_id_invalid',
    clientId: 'job',
    assertion: () => githubToken({ jti: undefined }),
  },
  {
    name: 'singleUse with a jti that is no string',
    reason: 'jwt_id_invalid',
    clientId: 'job',
    assertion: () => githubToken({ jti: ['x'] }),
  },
  { name: 'a disabled client', reason: 'client_disabled', clientId: 'disabled' },
  {
    name: 'a client pinned to client_secret_basic',
    reason: 'client_method_mismatch',
    clientId: 'pinned to a secret',
  },
  {
    name: 'a client pinned to client_secret_jwt',
    reason: 'client_method_mismatch',
    clientId: 'pinned to HMAC',
  },
  { name: 'trust that has expired', reason: 'secret_expired', clientId: 'expired' },
  {
    name: 'longer than the maxLifetime of the trust',
    reason: 'lifetime_too_long',
    clientId: 'short',
  },
  {
    name: 'more than 25 hours and the tolerance',
    reason: 'lifetime_too_long',
    token: { claims: { exp: seconds() + 90_090 } },
  },
  {
    name: 'an iat of two days ago',
    reason: 'issued_too_long_ago',
    token: { claims: { iat: seconds() - 172_800 } },
  },
  { name: 'expired', reason: 'expired', token: { claims: { exp: seconds() - 61 } } },
  { name: 'no exp', reason: 'expiration_invalid', token: { claims: { exp: undefined } } },
  {
    name: 'an exp that is a string of digits',
    reason: 'expiration_invalid',
    token: { claims: { exp: String(seconds() + 60) } },
  },
  { name: 'not yet valid', reason: 'not_yet_valid', token: { claims: { nbf: seconds() + 90 } } },
  {
    name: 'issued in the future',
    reason: 'issued_in_the_future',
    token: { claims: { iat: seconds() + 90 } },
  },
  ...[undefined, null, '', [], 'https://kubernetes.default.svc', `${ISSUER}/`, [ISSUER, 1], 7].map(
    (aud): Case => ({
      name: `the audience ${JSON.stringify(aud)}`,
      reason: 'audience_mismatch',
      token: { claims: { aud } },
    }),
  ),
  ...[`${ISSUER}/token`, ISSUER].map(
    (aud): Case => ({
      name: `the audience ${aud} where the secret asks for another`,
      reason: 'audience_mismatch',
      clientId: 'audience',
      token: { claims: { aud } },
    }),
  ),
  {
    name: 'the audience that the secret asks for',
    reason: undefined,
    clientId: 'audience',
    token: { claims: { aud: ['x', 'api://tokens'] } },
  },
  ...NOT_A_TEXT.map(
    (sub): Case => ({
      name: `the subject ${JSON.stringify(sub)}`,
      reason: 'subject_mismatch',
      token: { claims: { sub } },
    }),
  ),
  ...[SUBJECT.toUpperCase(), `${SUBJECT} `, SUBJECT.slice(0, -1), `${SUBJECT}\0`, '*'].map(
    (sub): Case => ({
      name: `the near miss of a subject ${JSON.stringify(sub)}`,
      reason: 'subject_mismatch',
      token: { claims: { sub } },
    }),
  ),
  ...nearMisses(cluster.issuer).map(
    (iss): Case => ({
      name: `the near miss of an issuer ${JSON.stringify(iss)}`,
      reason: 'subject_mismatch',
      token: { claims: { iss } },
    }),
  ),
  ...[undefined, null, '', 0, [cluster.issuer]].map(
    (iss): Case => ({
      name: `the issuer ${JSON.stringify(iss)}`,
      reason: 'issuer_invalid',
      token: { claims: { iss } },
    }),
  ),
  {
    name: 'every claim that the secret asks for',
    reason: undefined,
    clientId: 'claims',
    token: { claims: { environment: 'production', attempt: 1, protected: true } },
  },
  ...[
    { environment: 'Production', attempt: 1, protected: true },
    { environment: ['production'], attempt: 1, protected: true },
    { environment: 'production', attempt: '1', protected: true },
    { environment: 'production', attempt: 1, protected: 'true' },
    { environment: 'production', attempt: true, protected: 1 },
    { attempt: 1, protected: true },
    { environment: { toString: 'production' }, attempt: 1, protected: true },
  ].map(
    (claims): Case => ({
      name: `the claims ${JSON.stringify(claims)}`,
      reason: 'claim_mismatch',
      clientId: 'claims',
      token: { claims },
    }),
  ),
  {
    name: 'a claim that is inherited only',
    reason: 'claim_mismatch',
    clientId: 'by name',
  },
  { name: 'null for the keys, and for a secret', reason: undefined, clientId: 'null members' },
  { name: 'a wildcard in the secret', reason: 'subject_mismatch', clientId: 'wildcard' },
  {
    name: 'a misspelt restriction in the secret',
    reason: 'subject_mismatch',
    clientId: 'misspelt',
  },
  { name: 'an empty subject in the secret', reason: 'subject_mismatch', clientId: 'no subject' },
  {
    name: 'no subject in the secret, and none in the token',
    reason: 'subject_mismatch',
    clientId: 'undefined subject',
    token: { claims: { sub: undefined } },
  },
  {
    name: 'a private key in the secret',
    reason: 'secret_refused',
    clientId: 'private key',
  },
  {
    name: 'a token of 17 kB',
    reason: 'assertion_too_long',
    token: { claims: { groups: 'g'.repeat(13_000) } },
  },
  ...['at+jwt', 'dpop+jwt', 'oauth-authz-req+jwt', 'logout+jwt'].map(
    (typ): Case => ({ name: `typ ${typ}`, reason: 'typ_not_allowed', token: { header: { typ } } }),
  ),
  ...['JWT', 'client-authentication+jwt', undefined].map(
    (typ): Case => ({ name: `typ ${typ}`, reason: undefined, token: { header: { typ } } }),
  ),
  {
    name: 'a request object of the platform',
    reason: 'request_object_as_assertion',
    token: { claims: { redirect_uri: 'https://client.example/cb' } },
  },
  ...['HS256', 'HS512'].map(
    (alg): Case => ({
      name: `${alg} with the platform’s public key as secret`,
      reason: 'algorithm_not_allowed',
      assertion: () =>
        rawJws(
          { alg, kid: cluster.pair.publicJwk.kid },
          kubernetesClaims(cluster.issuer),
          hmacSigner(
            `sha${alg.slice(2)}`,
            cluster.pair.publicKey.export({ format: 'pem', type: 'spki' }) as string,
          ),
        ),
    }),
  ),
  {
    name: 'alg none',
    reason: 'algorithm_not_allowed',
    assertion: () =>
      `${encoded({ alg: 'none' })}.${encoded(kubernetesClaims(cluster.issuer))}.${encoded('x')}`,
  },
  {
    name: 'a key in the header',
    reason: 'signature_invalid',
    assertion: () =>
      rawJws(
        { alg: 'RS256', jwk: keyPair('RS256').publicJwk, jku: impostorsHost.jwksUri },
        kubernetesClaims(cluster.issuer),
        rightSigner(keyPair('RS256')),
      ),
  },
];

const endpoint = await tokenEndpoint(
  CLIENTS,
  { jwksUri: await platformOptions() },
  { parsers: [express.urlencoded({ extended: false, limit: '1mb' })] },
);
after(() => endpoint.close());

for (const { name, reason, clientId = 'workload', token, assertion } of CASES) {
  test(`${reason === undefined ? 'accepted' : 'refused'}: ${name}`, async () => {
    endpoint.events.length = 0;
    const sent = assertion === undefined ? tokenOf(cluster, token) : await assertion();
    const response = await endpoint.post(
      assertionForm(sent, clientId === null ? {} : { client_id: clientId }),
    );
    if (reason === undefined) {
      assert.equal(response.status, 200, JSON.stringify(endpoint.events));
      const { clientId: proved } = (await response.json()) as { clientId: string };
      assert.equal(proved, clientId);
      return;
    }
    const { headers, ...answer } = await oauthAnswer(response);
    assert.deepEqual(
      endpoint.events.map((event) => event.reason),
      [reason],
    );
    assert.deepEqual(answer, REFUSAL);
    assert.equal(headers.get('www-authenticate'), null);
    assert.deepEqual(endpoint.errors, []);
  });
}

const byOneIssuer: readonly (readonly [string, KeyPair, string, boolean])[] = [
  ['the platform’s key', cluster.pair, 'workload', true],
  ['the key at the other client’s jwks_uri', impostor.pair, 'workload', false],
  ['the key at its own jwks_uri', impostor.pair, 'of the impostor', true],
  ['the platform’s key, which is not at its own jwks_uri', cluster.pair, 'of the impostor', false],
];

for (const order of ['in this order', 'in reverse']) {
  test(`two clients trust one issuer, one by a jwks_uri of its own, ${order}`, async (t) => {
    // Nothing is cached yet.
    const fresh = await tokenEndpoint(CLIENTS, { jwksUri: await platformOptions() });
    t.after(() => fresh.close());
    const rows = order === 'in reverse' ? byOneIssuer.toReversed() : byOneIssuer;
    for (const [what, pair, clientId, accepted] of [...rows, ...rows]) {
      const token = tokenOf({ issuer: cluster.issuer, pair });
      const response = await fresh.post(assertionForm(token, { client_id: clientId }));
      assert.equal(response.status, accepted ? 200 : 401, `${clientId}: ${what}`);
    }
  });
}

test('a client’s own assertion with times as strings stays lenient, a platform’s does not', async () => {
  const claims = validClaims('both');
  const assertion = await signAssertion('both', {
    pair: own,
    header: { kid: 'own' },
    claims: { exp: String(claims['exp']) },
  });
  assert.equal((await endpoint.post(assertionForm(assertion))).status, 200);
});

test('a FederatedIdentity that cannot be used is a warning that says what to change', async () => {
  endpoint.events.length = 0;
  await endpoint.post(assertionForm(tokenOf(cluster), { client_id: 'wildcard' }));
  const { warnings } = endpoint.events[0] ?? {};
  assert.deepEqual(
    warnings?.map(({ code, secret }) => [code, secret]),
    [['secret_refused', 'FederatedIdentity']],
  );
  assert.match(String(warnings?.[0]?.message), /without wildcards/);
});

test('what no_matching_key, subject_mismatch and claim_mismatch tell the operator', async () => {
  const told = async (clientId: string, token: string, more: Record<string, string> = {}) => {
    endpoint.events.length = 0;
    await endpoint.post(
      assertionForm(token, { ...(clientId && { client_id: clientId }), ...more }),
    );
    const [event] = endpoint.events;
    return { expected: event?.expected, actual: event?.actual };
  };
  assert.deepEqual(await told('', tokenOf(cluster)), {
    expected: [
      cluster.issuer,
      'if iss is a platform that signs for the client, send the client_id parameter',
    ],
    actual: SUBJECT,
  });
  assert.deepEqual(await told('workload', tokenOf(otherCluster)), {
    expected: [
      `sub = ${otherCluster.issuer}, or a FederatedIdentity secret of the client for this iss`,
      `the client has a FederatedIdentity secret for ${cluster.issuer}`,
    ],
    actual: SUBJECT,
  });
  assert.deepEqual(await told('other workload', tokenOf(cluster)), {
    expected: [`${SUBJECT}-2`],
    actual: SUBJECT,
  });
  assert.deepEqual(await told('job', githubToken({ repository: 'mallory/octo-repo' })), {
    expected: ['repository = "octo-org/octo-repo"'],
    actual: ['repository = "mallory/octo-repo"'],
  });
});
