import { Buffer } from 'node:buffer';
import { base64url } from 'jose';
import type { Algorithm } from '../secrets/algorithms.js';
import type { JsonWebKey } from '../secrets/secret.js';
import { joseSignature } from './ecdsa-signature.js';

/**
 * A key that signs elsewhere, in a key management service or a hardware module, and never enters
 * this process.
 *
 * @example
 * ```ts
 * const key: RemoteSigner = {
 *   alg: 'ES256',
 *   kid: 'client-2027',
 *   async sign(data) {
 *     const { Signature } = await kms.sign({
 *       KeyId: 'alias/client',
 *       Message: data,
 *       MessageType: 'RAW',
 *       SigningAlgorithm: 'ECDSA_SHA_256',
 *     });
 *     return Signature;
 *   },
 * };
 * ```
 */
export interface RemoteSigner {
  /** What the key signs with. */
  readonly alg: Algorithm;
  /** The `kid` of the header. Default none: there is no public key to take a thumbprint of. */
  readonly kid?: string | undefined;
  /**
   * Signs. A service that wants a digest is given one made of the data with the hash of `alg`.
   *
   * @param data the bytes to sign, not yet hashed
   * @returns the signature; for ECDSA either in the form of JWS or as DER, which is converted
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /** The public half of the key, for a `KeyRing` to publish. */
  readonly publicJwk?: JsonWebKey | undefined;
  /** The certificate of the key, whose thumbprints go into the header: PEM, or base64 of DER. */
  readonly certificate?: string | Uint8Array | undefined;
  /** Whether the header carries the certificate and its chain too. Default false. */
  readonly x5c?: boolean | undefined;
}

const segment = (value: unknown): string => base64url.encode(JSON.stringify(value));

/**
 * A compact JWS whose signature is made elsewhere (RFC 7515 §5.1).
 *
 * @throws what `sign` throws; {Error} where it returns no signature
 */
export async function signRemotely(
  signer: RemoteSigner,
  header: object,
  claims: object,
): Promise<string> {
  const signingInput = `${segment(header)}.${segment(claims)}`;
  const signature = joseSignature(signer.alg, await signer.sign(Buffer.from(signingInput)));
  if (signature !== undefined) return `${signingInput}.${base64url.encode(signature)}`;
  throw new Error(`The remote signer did not return a signature of ${signer.alg}.`);
}
