import { createPublicKey } from 'node:crypto';
import { algorithmsOf, KeyError } from './algorithms.js';
import type { VerificationKey } from './verification-key.js';

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;
const PUBLIC_KEY = /^-----BEGIN (?:RSA )?PUBLIC KEY-----/;

/**
 * Refuses a text that holds a private key, whatever else it holds.
 *
 * @throws {KeyError}
 */
export function refusePrivateKey(text: string): void {
  if (!PRIVATE_KEY.test(text)) return;
  throw new KeyError('the PEM holds a private key: configure the public one and keep this secret');
}

/**
 * A public key in PEM: SPKI (`PUBLIC KEY`) or PKCS#1 (`RSA PUBLIC KEY`).
 *
 * @throws {KeyError}
 */
export function keyFromPem(value: string): VerificationKey {
  const text = value.trim();
  refusePrivateKey(text);
  if (text.startsWith('-----BEGIN CERTIFICATE-----')) {
    throw new KeyError('the PEM is a certificate: use the type X509CertificateBase64');
  }
  if (!PUBLIC_KEY.test(text)) throw new KeyError('the value is not a public key in PEM');
  let keyObject: ReturnType<typeof createPublicKey>;
  try {
    keyObject = createPublicKey(text);
  } catch {
    throw new KeyError('the PEM does not hold a public key that can be read');
  }
  return { keyObject, algorithms: algorithmsOf(keyObject) };
}
