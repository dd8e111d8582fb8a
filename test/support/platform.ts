import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { FederatedIdentity } from '../../lib/index.js';
import { ISSUER, seconds } from './assertion.js';
import { type KeyPair, newKeyPair } from './keys.js';
import { rawJws, rightSigner } from './raw-jws.js';
import { json, type RemoteHost, remoteHost, remoteOptions } from './remote-host.js';

/** The names under which the clusters of tests are found, besides names under .example. */
export const CLUSTER = 'kubernetes.default.svc.cluster.local';

export const SUBJECT = 'system:serviceaccount:shop:orders';

/** An issuer of workload tokens: discovery and a JWK Set over HTTPS, as an API server has them. */
export interface Platform extends RemoteHost {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly pair: KeyPair;
  /** How often each path was asked for. */
  readonly asked: Record<string, number>;
  /** What the platform serves by path; a test may change it. */
  readonly documents: Record<string, unknown>;
  /** Answers in another way from now on; without a listener, as ever. */
  behave(listener?: RequestListener): void;
}

/** A key of a platform, whose `kid` is as long as those of Kubernetes. */
export const platformKey = (alg = 'RS256'): KeyPair =>
  newKeyPair(alg, { kid: randomUUID().replaceAll('-', ''), use: 'sig', alg });

/** Starts a platform. */
export async function platform(
  t: { after(close: () => Promise<void>): void },
  { name = CLUSTER, path = '', pair = platformKey() } = {},
): Promise<Platform> {
  const asked: Record<string, number> = {};
  const documents: Record<string, unknown> = {};
  const serve: RequestListener = (request, response) => {
    const document = documents[request.url ?? ''];
    if (document === undefined) response.writeHead(404).end();
    else json(() => document)(request, response);
  };
  let listener = serve;
  const host = await remoteHost(
    (request, response) => {
      asked[request.url ?? ''] = (asked[request.url ?? ''] ?? 0) + 1;
      listener(request, response);
    },
    { name },
  );
  t.after(() => host.close());
  const issuer = `${host.origin}${path}`;
  const jwksUri = `${host.origin}/openid/v1/jwks`;
  documents[`${path.replace(/\/$/, '')}/.well-known/openid-configuration`] = {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [pair.alg],
  };
  documents['/openid/v1/jwks'] = { keys: [pair.publicJwk] };
  // Assigned, not spread: the counters are getters.
  return Object.assign(host, {
    issuer,
    jwksUri,
    pair,
    asked,
    documents,
    behave(next: RequestListener = serve) {
      listener = next;
    },
  });
}

/** The options with which a server can fetch from the platforms of tests. */
export const platformOptions = () =>
  remoteOptions({ [CLUSTER]: () => ['127.0.1.1'], 'issuer.internal': () => ['127.0.1.1'] });

/** The claims of a projected token, in the shape of an API server's. */
export function kubernetesClaims(issuer: string): Record<string, unknown> {
  const now = seconds();
  return {
    aud: [ISSUER],
    exp: now + 3607,
    iat: now,
    iss: issuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace: 'shop',
      node: { name: 'node-1', uid: '3b2c8b9e-7a3c-4c58-9a57-0c6f3f1f4d11' },
      pod: { name: 'orders-6d4cf56db6-x2x7q', uid: '5a9d0d56-51b3-4c0a-8f9c-2f6a0f9a1e02' },
      serviceaccount: { name: 'orders', uid: '8f2f1a7c-6d0f-4a51-9c56-7d2f4cf7b9a3' },
      warnafter: now + 3607,
    },
    nbf: now,
    sub: SUBJECT,
  };
}

const withoutUndefined = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));

/** How a token differs from the usual one; a member that is undefined is left out. */
export interface TokenDifferences {
  readonly pair?: KeyPair;
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
}

/** A token of a platform. */
export function tokenOf(
  { issuer, pair }: Pick<Platform, 'issuer' | 'pair'>,
  { pair: signer = pair, header = {}, claims = {} }: TokenDifferences = {},
): string {
  return rawJws(
    withoutUndefined({ alg: signer.alg, kid: pair.publicJwk.kid, ...header }),
    withoutUndefined({ ...kubernetesClaims(issuer), ...claims }),
    rightSigner(signer),
  );
}

/** The secret that trusts the workload of the usual token. */
export const trustIn = (
  { issuer }: Pick<Platform, 'issuer'>,
  more: Partial<FederatedIdentity> = {},
): FederatedIdentity => ({ type: 'FederatedIdentity', issuer, subject: SUBJECT, ...more });
