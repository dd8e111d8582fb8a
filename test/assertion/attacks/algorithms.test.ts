import { signAssertion } from '../../support/assertion.js';
import {
  type Attack,
  clientWith,
  jwkSecret,
  signedBy,
  testAttacks,
} from '../../support/attacks.js';
import { keyPair } from '../../support/keys.js';
import { hmacSigner, pssSigner, rightSigner, signer } from '../../support/raw-jws.js';

const RSA = keyPair('RS256');
const P256 = keyPair('ES256');
const P384 = keyPair('ES384');
const P521 = keyPair('ES512');
const ED25519 = keyPair('EdDSA');

const CLIENTS = [
  clientWith('rsa', [jwkSecret(RSA)]),
  clientWith('p256', [jwkSecret(P256)]),
  clientWith('p384', [jwkSecret(P384)]),
  clientWith('p521', [jwkSecret(P521)]),
  clientWith('ed25519', [jwkSecret(ED25519)]),
  clientWith('ps256-only', [jwkSecret(RSA)], { tokenEndpointAuthSigningAlg: 'PS256' }),
  clientWith('any-alg', [jwkSecret(RSA)], { tokenEndpointAuthSigningAlg: null }),
  clientWith('rs256-jwk', [jwkSecret(RSA, { alg: 'RS256' })]),
];

const rsa = (hash: string) => signer(hash, RSA.privateKey);

const WRONG_ALGORITHM: readonly Attack[] = [
  {
    name: 'a PSS signature under RS256',
    reason: 'signature_invalid',
    assertion: signedBy('rsa', 'RS256', pssSigner('sha256', RSA.privateKey, 32)),
  },
  {
    name: 'a PKCS#1 v1.5 signature under PS256',
    reason: 'signature_invalid',
    assertion: signedBy('rsa', 'PS256', rsa('sha256')),
  },
  ...[0, 20, 31, 33, 222].map((salt) => ({
    name: `PS256 with a salt of ${salt} bytes (RFC 7518 §3.5)`,
    reason: 'signature_invalid' as const,
    assertion: signedBy('rsa', 'PS256', pssSigner('sha256', RSA.privateKey, salt)),
  })),
  {
    name: 'SHA-512 under RS256',
    reason: 'signature_invalid',
    assertion: signedBy('rsa', 'RS256', rsa('sha512')),
  },
  {
    name: 'SHA-1 under RS256',
    reason: 'signature_invalid',
    assertion: signedBy('rsa', 'RS256', rsa('sha1')),
  },
  {
    name: 'SHA-512 under ES256',
    reason: 'signature_invalid',
    assertion: signedBy('p256', 'ES256', signer('sha512', P256.privateKey)),
  },
  ...(
    [
      ['p256', 'ES384', P256],
      ['p256', 'ES512', P256],
      ['p256', 'EdDSA', ED25519],
      ['p384', 'ES256', P256],
      ['p521', 'ES256', P256],
      ['p521', 'ES384', P384],
      ['ed25519', 'ES256', P256],
      ['rsa', 'ES256', P256],
      ['p256', 'RS256', RSA],
      ['ed25519', 'HS256', undefined],
    ] as const
  ).map(([clientId, alg, pair]) => ({
    name: `${alg} for a client whose key is ${clientId} (RFC 8725 §3.2)`,
    reason: 'no_matching_key' as const,
    assertion: signedBy(
      clientId,
      alg,
      pair === undefined ? hmacSigner('sha256', 'x') : rightSigner(pair),
    ),
  })),
  {
    name: 'an alg that is not the one of the client (RFC 7591 §2)',
    reason: 'client_algorithm_mismatch',
    assertion: signedBy('ps256-only', 'RS256', rsa('sha256')),
  },
  {
    name: "the client's own alg",
    reason: undefined,
    assertion: signedBy('ps256-only', 'PS256', pssSigner('sha256', RSA.privateKey, 32)),
  },
  {
    name: 'any alg where a database holds null for the one of the client',
    reason: undefined,
    assertion: signedBy('any-alg', 'RS256', rsa('sha256')),
  },
  {
    name: 'an alg that is not the one of the JWK (RFC 7517 §4.4)',
    reason: 'no_matching_key',
    assertion: signedBy('rs256-jwk', 'PS256', pssSigner('sha256', RSA.privateKey, 32)),
  },
];

const RIGHT: readonly Attack[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(
    (alg) => ['rsa', { ...RSA, alg }] as const,
  ),
  ['p256', P256] as const,
  ['p384', P384] as const,
  ['p521', P521] as const,
  ['ed25519', ED25519] as const,
  ['ed25519', { ...ED25519, alg: 'Ed25519' }] as const,
].map(([clientId, pair]) => ({
  name: `${pair.alg} as jose signs it`,
  reason: undefined,
  assertion: () => signAssertion(clientId, { pair }),
}));

await testAttacks([...WRONG_ALGORITHM, ...RIGHT], { clients: CLIENTS });

await testAttacks(
  [
    {
      name: 'an algorithm that the server does not list',
      reason: 'algorithm_not_allowed',
      assertion: signedBy('rsa', 'RS256', rsa('sha256')),
    },
  ],
  { clients: CLIENTS, options: { algorithms: ['ES256', 'PS256'] } },
);
