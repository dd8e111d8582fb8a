import {
  type Attack,
  clientWith,
  jwkSecret,
  signedBy,
  testAttacks,
} from '../../support/attacks.js';
import { clientCertificate } from '../../support/certificate.js';
import { keyPair } from '../../support/keys.js';
import { hmacSigner, rightSigner } from '../../support/raw-jws.js';

const RSA = keyPair('RS256');
const HMAC_SECRET = 'a shared secret of sixty-four bytes, for all the three algorithms';
const CERTIFICATE = await clientCertificate(RSA);
const SPKI_PEM = RSA.publicKey.export({ type: 'spki', format: 'pem' }).toString();

const CLIENTS = [
  clientWith('rsa', [jwkSecret(RSA)]),
  clientWith('certificate', [{ type: 'X509CertificateBase64', value: CERTIFICATE.base64 }]),
  clientWith('pem', [{ type: 'PublicKeyPem', value: SPKI_PEM }]),
  clientWith('hmac', [{ type: 'SharedSecret', value: HMAC_SECRET }]),
  clientWith('both', [jwkSecret(RSA), { type: 'SharedSecret', value: HMAC_SECRET }]),
];

/** What an attacker knows of a public key, in every form that a careless server may HMAC with. */
const PUBLIC_FORMS: Readonly<Record<string, string | Uint8Array>> = {
  'SPKI PEM': SPKI_PEM,
  'SPKI PEM without its last line break': SPKI_PEM.trimEnd(),
  'SPKI PEM on one line': SPKI_PEM.replaceAll('\n', ''),
  'PKCS#1 PEM': RSA.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  'SPKI DER': RSA.publicKey.export({ type: 'spki', format: 'der' }),
  'PKCS#1 DER': RSA.publicKey.export({ type: 'pkcs1', format: 'der' }),
  'JSON of the JWK': JSON.stringify(RSA.publicJwk),
  'the modulus': Buffer.from(String(RSA.publicJwk['n']), 'base64url'),
  'the modulus in base64url': String(RSA.publicJwk['n']),
  'the certificate in PEM': CERTIFICATE.pem,
  'the certificate in base64': CERTIFICATE.base64,
  'the certificate in DER': CERTIFICATE.der,
};

const CONFUSION: readonly Attack[] = [
  ...Object.entries(PUBLIC_FORMS).flatMap(([form, secret]) => [
    ...['rsa', 'certificate', 'pem'].map((clientId) => ({
      name: `HS256 with the public key as its secret: ${form}, client ${clientId} (RFC 8725 §2.1)`,
      reason: 'no_matching_key' as const,
      assertion: signedBy(clientId, 'HS256', hmacSigner('sha256', secret)),
    })),
    {
      name: `HS256 with the public key as its secret: ${form}, client with a shared secret too`,
      reason: 'signature_invalid' as const,
      assertion: signedBy('both', 'HS256', hmacSigner('sha256', secret)),
    },
  ]),
  ...['HS384', 'HS512'].map((alg) => ({
    name: `${alg} with the public key as its secret: SPKI PEM`,
    reason: 'no_matching_key' as const,
    assertion: signedBy('rsa', alg, hmacSigner(`sha${alg.slice(2)}`, SPKI_PEM)),
  })),
  {
    name: 'a shared secret used for RS256',
    reason: 'no_matching_key',
    assertion: signedBy('hmac', 'RS256', rightSigner(RSA)),
  },
  {
    name: 'HS512 under HS256',
    reason: 'signature_invalid',
    assertion: signedBy('hmac', 'HS256', hmacSigner('sha512', HMAC_SECRET)),
  },
  {
    name: 'HMAC cut to half its length',
    reason: 'signature_invalid',
    assertion: signedBy('hmac', 'HS256', (input) =>
      hmacSigner('sha256', HMAC_SECRET)(input).subarray(0, 16),
    ),
  },
  {
    name: 'HMAC with an empty secret',
    reason: 'signature_invalid',
    assertion: signedBy('hmac', 'HS256', hmacSigner('sha256', '')),
  },
];

const RIGHT_HMAC: readonly Attack[] = ['HS256', 'HS384', 'HS512'].map((alg) => ({
  name: `${alg} with the shared secret`,
  reason: undefined,
  assertion: signedBy('both', alg, hmacSigner(`sha${alg.slice(2)}`, HMAC_SECRET)),
}));

await testAttacks([...CONFUSION, ...RIGHT_HMAC], { clients: CLIENTS });
