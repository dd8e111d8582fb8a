import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import express from 'express';
import { allowInsecureRequests, Configuration, clientCredentialsGrant } from 'openid-client';
import { AssertionService, clientAssertion, presets } from '../../lib/client/index.js';
import {
  type AssertionClient,
  assertClientSecrets,
  type PrivateKeyJwtStrategy,
  type Secret,
} from '../../lib/index.js';
import { ISSUER } from '../support/assertion.js';
import { certificateOf } from '../support/certificate.js';
import { codeOf, importBlock, ROOT } from '../support/docs.js';
import { keyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { openIdProvider } from '../support/openid-provider.js';
import { platform, platformOptions, tokenOf } from '../support/platform.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

const GUIDE = 'docs/workload-identity.md';
/** The blocks of the guide, in its order. */
const BLOCKS = [
  'use',
  'k8s client',
  'k8s server',
  'cluster',
  'azure client',
  'azure server',
].concat(['github client', 'github server']);

const folder = await mkdtemp(join(ROOT, 'test', '.workload-'));
after(() => rm(folder, { recursive: true }));

type Assertions = Parameters<typeof clientAssertion>[0];

/** Each in a folder of its own, since a module is run once. */
const block = async <Module>(name: string, change?: (code: string) => string) => {
  const own = await mkdtemp(join(folder, 'block-'));
  return importBlock<Module>(GUIDE, BLOCKS.indexOf(name), own, '', change);
};

/** A block with a text replaced that must be in it. */
const replacing = (pattern: string, replacement: string) => (code: string) => {
  assert.ok(code.includes(pattern), `${pattern} is not in ${code}`);
  return code.replace(pattern, replacement);
};

/** Sends requests of a client with openid-client to a server that has this client. */
async function statusesOf(
  t: { after(close: () => Promise<void>): void },
  assertions: Assertions,
  client: AssertionClient,
  times: number,
) {
  assertClientSecrets(client);
  const options = await platformOptions();
  const jwksUri = { ...options, allowedNetworks: [...options.allowedNetworks, 'localhost'] };
  const endpoint = await tokenEndpoint([client], { jwksUri });
  t.after(() => endpoint.close());
  const config = new Configuration(
    { issuer: ISSUER, token_endpoint: `${endpoint.url}/token` },
    client.clientId,
    undefined,
    clientAssertion(assertions),
  );
  allowInsecureRequests(config);
  for (let count = 0; count < times; count += 1) {
    // The endpoint of tests authenticates and grants nothing.
    await clientCredentialsGrant(config).catch(() => undefined);
  }
  return endpoint.events.map((event) => [event.outcome, event.reason, event.replayChecked]);
}

test('the guide has the blocks that these tests run', async () => {
  assert.equal((await codeOf(GUIDE, 'ts')).length, BLOCKS.length);
});

test('a Kubernetes workload authenticates as the guide says', async (t) => {
  const cluster = await platform(t);
  const file = join(folder, 'as.example');
  await writeFile(file, tokenOf(cluster));
  const { assertions } = await block<{ assertions: Assertions }>(
    'k8s client',
    replacing('/var/run/secrets/tokens/as.example', file),
  );
  const { client } = await block<{ client: AssertionClient }>(
    'k8s server',
    replacing('https://kubernetes.default.svc.cluster.local', cluster.issuer),
  );
  const success = ['success', undefined, false];
  assert.deepEqual(await statusesOf(t, assertions, client, 3), [success, success, success]);
});

test('the strategy for a cluster-internal issuer is made as the guide says', async () => {
  const ca = join(folder, 'ca.crt');
  await writeFile(ca, (await platformOptions()).ca);
  const { privateKeyJwt } = await block<{ privateKeyJwt: PrivateKeyJwtStrategy }>(
    'cluster',
    replacing('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt', ca),
  );
  assert.equal(privateKeyJwt.name, 'private-key-jwt');
});

test('an Azure workload authenticates as the guide says, beside a certificate of the Entra preset', async (t) => {
  // AKS's issuers end with a slash, and the audience is Entra's for all of them.
  const aks = await platform(t, { name: 'aks.example', path: '/72f988bf/0f3c7d2a/' });
  const file = join(folder, 'azure-identity-token');
  await writeFile(file, tokenOf(aks, { claims: { aud: ['api://AzureADTokenExchange'] } }));
  const { client } = await block<{ client: AssertionClient }>(
    'azure server',
    replacing('https://westeurope.oic.prod-aks.azure.com/72f988bf/0f3c7d2a/', aks.issuer),
  );
  process.env['AZURE_FEDERATED_TOKEN_FILE'] = file;
  process.env['AZURE_CLIENT_ID'] = client.clientId;
  t.after(async () => {
    delete process.env['AZURE_FEDERATED_TOKEN_FILE'];
    delete process.env['AZURE_CLIENT_ID'];
  });
  const { assertions } = await block<{ assertions: Assertions }>('azure client');
  assert.deepEqual(await statusesOf(t, assertions, client, 2), [
    ['success', undefined, false],
    ['success', undefined, false],
  ]);
  const pair = keyPair('RS256');
  const certificate = await certificateOf(pair);
  const secrets: Secret[] = [
    ...client.secrets,
    { type: 'X509CertificateBase64', value: certificate },
  ];
  const own = new AssertionService({
    ...presets.microsoftEntraId,
    audience: ISSUER,
    clientId: client.clientId,
    key: { key: pair.privateKey, certificate, alg: 'PS256' },
  });
  for (const [source, checked] of [
    [assertions, false],
    [own, undefined],
  ] as const) {
    assert.deepEqual(await statusesOf(t, source, { ...client, secrets }, 1), [
      ['success', undefined, checked],
    ]);
  }
});

const RUNNER_TOKEN = 'the token of the runner';

/** The endpoint that a GitHub job asks for its token, in front of an OpenID provider that signs it. */
async function github(t: { after(close: () => Promise<void>): void }, claims: object) {
  const runner = { client_id: 'runner', client_secret: 'the secret of the runner'.repeat(2) };
  const provider = await openIdProvider(
    {
      ...runner,
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    () => ({
      formats: {
        customizers: {
          jwt: async (_ctx, _token, parts) => {
            parts.header = { ...parts.header, typ: 'JWT' };
            Object.assign(parts.payload, claims);
          },
        },
      },
      features: {
        resourceIndicators: {
          enabled: true,
          defaultResource: () => ISSUER,
          getResourceServerInfo: (_ctx, audience) => ({
            scope: '',
            audience,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 300,
          }),
        },
      },
    }),
  );
  t.after(() => provider.close());
  const app = express();
  app.get('/token', async (request, response) => {
    if (request.get('authorization') !== `Bearer ${RUNNER_TOKEN}`) {
      response.status(401).json({ message: 'no' });
      return;
    }
    const resource = String(request.query['audience']);
    const body = new URLSearchParams({ ...runner, grant_type: 'client_credentials', resource });
    const answer = await fetch(`${provider.issuer}/token`, { method: 'POST', body });
    const { access_token: value } = (await answer.json()) as { access_token?: string };
    response.json({ count: 1, value });
  });
  const jobs = await listen(app);
  t.after(() => jobs.close());
  return { issuer: provider.issuer, url: `${jobs.url}/token?api-version=2.0` };
}

const JOB = {
  sub: 'repo:octo-org/octo-repo:environment:production',
  repository_id: '74',
  repository_owner_id: '65',
};

for (const [what, claims, expected] of [
  ['a GitHub job authenticates as the guide says', JOB, ['success', undefined, true]],
  [
    'a job of another repository does not',
    { ...JOB, sub: 'repo:mallory/octo-repo:environment:production' },
    ['failure', 'subject_mismatch', undefined],
  ],
  [
    'a repository that has taken the name over does not',
    { ...JOB, repository_id: '75' },
    ['failure', 'claim_mismatch', undefined],
  ],
] as const) {
  test(`${what}, with oidc-provider in GitHub's place`, async (t) => {
    const { issuer, url } = await github(t, claims);
    process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = url;
    process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] = RUNNER_TOKEN;
    t.after(async () => {
      delete process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
      delete process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
    });
    const { assertions } = await block<{ assertions: Assertions }>('github client');
    const { client } = await block<{ client: AssertionClient }>(
      'github server',
      replacing('https://token.actions.githubusercontent.com', issuer),
    );
    // Each request has a token of its own, so that single use is no obstacle.
    assert.deepEqual(await statusesOf(t, assertions, client, 2), [expected, expected]);
  });
}
