import type { KeyObject } from 'node:crypto';
import type { Algorithm } from '../shared/algorithms.js';

/** A key made from a secret, ready to verify signatures. */
export interface VerificationKey {
  readonly keyObject: KeyObject;
  /** The algorithms that fit the key's type, curve, size and its own `alg`. */
  readonly algorithms: readonly Algorithm[];
  readonly kid?: string | undefined;
  /** SHA-1 thumbprint of the certificate (RFC 7515 §4.1.7). */
  readonly x5t?: string | undefined;
  /** SHA-256 thumbprint of the certificate (RFC 7515 §4.1.8). */
  readonly x5tS256?: string | undefined;
  /** The certificate's validity, in seconds since the epoch. */
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
}
