import { Buffer } from 'node:buffer';
import { createPublicKey, generateKeyPair, type KeyObject, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { importOptionalPeer } from './usage.js';

const generate = promisify(generateKeyPair);

/** The algorithms that `keygen` makes keys for. */
export const KEY_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** One of them. */
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** Generates a private key, with the size and curve that belong to the algorithm. */
export async function generatePrivateKey(alg: KeyAlgorithm): Promise<KeyObject> {
  switch (alg) {
    case 'ES256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
    case 'ES384':
      return (await generate('ec', { namedCurve: 'P-384' })).privateKey;
    case 'ES512':
      return (await generate('ec', { namedCurve: 'P-521' })).privateKey;
    case 'EdDSA':
      return (await generate('ed25519')).privateKey;
    default:
      return (await generate('rsa', { modulusLength: 2048 })).privateKey;
  }
}

/** What is in a certificate. */
export interface CertificateOptions {
  readonly alg: KeyAlgorithm;
  readonly privateKey: KeyObject;
  /** The subject, and the issuer too. */
  readonly commonName: string;
  readonly days: number;
}

type Algorithm = webcrypto.EcKeyImportParams & webcrypto.RsaHashedImportParams;

const SHA256_WITH_RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

/** How WebCrypto calls what the certificate is signed with. */
const SIGNATURE_ALGORITHMS: Readonly<Record<KeyAlgorithm, Partial<Algorithm>>> = {
  RS256: SHA256_WITH_RSA,
  PS256: SHA256_WITH_RSA,
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  ES512: { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  EdDSA: { name: 'Ed25519' },
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The packages that make the certificate; the second is a polyfill that the first asks for. */
const PACKAGES = ['@peculiar/x509', 'reflect-metadata'];

/**
 * A self-signed certificate (RFC 5280) for a key that signs assertions.
 *
 * @returns its DER
 * @throws {CommandError} where the packages that make it are not installed
 */
export async function selfSignedCertificate(options: CertificateOptions): Promise<Buffer> {
  const x509 = await importOptionalPeer('--certificate', PACKAGES, async () => {
    await import('reflect-metadata');
    return import('@peculiar/x509');
  });
  const { alg, privateKey, commonName, days } = options;
  const algorithm = SIGNATURE_ALGORITHMS[alg] as Algorithm;
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const { subtle } = webcrypto;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [commonName] }],
      keys: {
        privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
        publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
      },
      signingAlgorithm: algorithm,
      // For servers whose clocks are behind.
      notBefore: new Date(Date.now() - 5 * MINUTE),
      notAfter: new Date(Date.now() + days * DAY),
      extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
    },
    webcrypto,
  );
  return Buffer.from(certificate.rawData);
}

/** A certificate in PEM (RFC 7468 §5). */
export const certificatePem = (der: Buffer): string =>
  [
    '-----BEGIN CERTIFICATE-----',
    ...(der.toString('base64').match(/.{1,64}/g) ?? []),
    '-----END CERTIFICATE-----',
    '',
  ].join('\n');
