import type { KeyObject } from 'node:crypto';
import { compactVerify } from 'jose';
import { KeyError } from '../../keys/algorithms.js';
import { keyFromJwk, refuseSecretJwk } from '../../keys/jwk.js';
import type { JsonWebKey } from '../../keys/secret.js';
import { type Algorithm, isAlgorithm } from '../../shared/algorithms.js';
import { type CertificateOptions, certificateOf } from './certificate.js';
import { compactJws } from './compact-jws.js';
import { joseSignature } from './jose-signature.js';
import { chooseKid, type KeyParts } from './key-parts.js';

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
 *     if (Signature === undefined) throw new Error('The key service has returned no signature');
 *     return Signature;
 *   },
 * };
 * ```
 */
export interface RemoteSigner extends CertificateOptions {
  /** What the key signs with. */
  readonly alg: Algorithm;
  /**
   * The `kid` of the header; false for none. Default: that of `publicJwk`, else its thumbprint
   * (RFC 7638); none where there is no `publicJwk`.
   */
  readonly kid?: string | false | undefined;
  /**
   * Signs. A service that wants a digest is given one made of the data with the hash of `alg`.
   *
   * @param data the bytes to sign, not yet hashed
   * @returns the signature; for ECDSA either in the form of JWS or as DER, which is converted
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /**
   * The public half of the key, for a `KeyRing` to publish. Where it or the certificate is given,
   * signatures are verified with it until one is right.
   */
  readonly publicJwk?: JsonWebKey | undefined;
}

/** @throws {KeyError} for a public half that is secret, or of another kind of key */
function publicKeyOf({ alg, publicJwk }: RemoteSigner): KeyObject | undefined {
  if (publicJwk === undefined) return undefined;
  try {
    refuseSecretJwk(publicJwk);
    const { keyObject, algorithms } = keyFromJwk(publicJwk);
    if (algorithms.includes(alg)) return keyObject;
    throw new KeyError(`alg ${alg} does not fit it: use ${algorithms.join(' or ')}`);
  } catch (error) {
    throw new KeyError(`publicJwk is wrong: ${(error as Error).message}`);
  }
}

/** @throws {TypeError} where `sign` returns something else; {Error} where it is no signature */
async function signatureOf(signer: RemoteSigner, data: Uint8Array): Promise<Uint8Array> {
  const returned: unknown = await signer.sign(data);
  if (!(returned instanceof Uint8Array)) {
    throw new TypeError(
      'The remote signer must return bytes (a Uint8Array): decode base64, and wrap an ArrayBuffer.',
    );
  }
  const signature = joseSignature(signer.alg, returned);
  if (signature !== undefined) return signature;
  throw new Error(`The remote signer did not return a signature of ${signer.alg}.`);
}

async function verify(jws: string, publicKey: KeyObject): Promise<void> {
  try {
    await compactVerify(jws, publicKey);
  } catch {
    throw new Error(
      'The signature of the remote signer does not verify with its public key: is that of another key, or was the data hashed twice?',
    );
  }
}

/** Makes a JWS, and verifies each until one has been right: a wrong one is a mistake in `sign`. */
function jwsMaker(signer: RemoteSigner, publicKey: KeyObject | undefined): KeyParts['sign'] {
  let unproved = publicKey;
  return async (header, claims) => {
    const jws = await compactJws(header, claims, (data) => signatureOf(signer, data));
    if (unproved !== undefined) await verify(jws, unproved);
    unproved = undefined;
    return jws;
  };
}

/**
 * The parts of a key that is elsewhere.
 *
 * @throws {KeyError} where what is known of it does not fit together
 */
export function remoteKey(signer: RemoteSigner): KeyParts {
  const { alg, kid, publicJwk } = signer;
  if (!isAlgorithm(alg)) {
    throw new KeyError(`the remote signer's alg is ${JSON.stringify(alg)}: use one of JWS`);
  }
  const known = publicKeyOf(signer);
  const certificate = certificateOf(signer, alg, publicJwk);
  return {
    alg,
    kid: chooseKid(kid, publicJwk?.kid, publicJwk),
    publicJwk,
    certificate: certificate?.header,
    sign: jwsMaker(signer, known ?? certificate?.publicKey),
  };
}
