import { errors, flattenedVerify } from 'jose';
import type { Candidate } from '../secrets/select-key.js';
import type { VerificationKey } from '../secrets/verification-key.js';
import type { CompactJws } from './compact-jws.js';

/** Whether the key made the signature, under the header's `alg` (RFC 7515 §5.2). */
export async function verifySignature(jws: CompactJws, key: VerificationKey): Promise<boolean> {
  try {
    await flattenedVerify(
      { protected: jws.protected, payload: jws.payload, signature: jws.signature },
      key.keyObject,
      { algorithms: [...key.algorithms] },
    );
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** The first of the candidates whose key made the signature. */
export async function findSigner(
  jws: CompactJws,
  candidates: readonly Candidate[],
): Promise<Candidate | undefined> {
  for (const candidate of candidates) {
    if (await verifySignature(jws, candidate.key)) return candidate;
  }
  return undefined;
}
