import { Buffer } from 'node:buffer';
import { createPublicKey, KeyObject } from 'node:crypto';
import { CompactSign, type CryptoKey } from 'jose';
import { algorithmsOf, KeyError } from '../../keys/algorithms.js';
import type { JsonWebKey } from '../../keys/secret.js';
import { type Algorithm, isAlgorithm } from '../../shared/algorithms.js';
import { assertKnownOptions, type OptionNames } from '../../shared/option-checks.js';
import { type CertificateOptions, certificateOf } from './certificate.js';
import { compactJws } from './compact-jws.js';
import { algorithmsOfCryptoKey } from './crypto-key.js';
import type { KeyDemands } from './key-demands.js';
import { type KeyMaterial, readKey } from './key-material.js';
import { chooseKid, type KeyParts } from './key-parts.js';
import { signer } from './signatures.js';
import { publicJwkOf } from './thumbprint.js';

/** A key and how it is used. */
export interface SigningKeyOptions extends CertificateOptions {
  readonly key: KeyMaterial;
  /** Decrypts an encrypted PEM. */
  readonly passphrase?: string | undefined;
  /**
   * Default: the `alg` of a JWK; else RS256 for RSA, which most servers take, the one that belongs
   * to the curve for EC, EdDSA for Ed25519, and HS256 for symmetric keys. FAPI wants PS256.
   */
  readonly alg?: Algorithm | undefined;
  /**
   * The `kid` of the header; false for none. Default: the `kid` of a JWK; else the thumbprint of
   * the public key (RFC 7638). A symmetric key has none, since its thumbprint would tell of it. Some
   * servers find no key for a `kid` that they do not know: register `publicJwk`, which has it.
   */
  readonly kid?: string | false | undefined;
}

/** The names of `SigningKeyOptions`. */
export const KEY_OPTIONS: OptionNames<SigningKeyOptions> = {
  key: true,
  passphrase: true,
  alg: true,
  kid: true,
  certificate: true,
  x5c: true,
};

function chooseAlgorithm(
  fitting: readonly Algorithm[],
  fromJwk: string | undefined,
  wanted: string | undefined,
  demanded: readonly Algorithm[] | undefined,
): Algorithm {
  const preferred = demanded?.find((alg) => fitting.includes(alg));
  const alg = wanted ?? fromJwk ?? preferred ?? fitting[0];
  if (wanted !== undefined && fromJwk !== undefined && wanted !== fromJwk) {
    throw new KeyError(`alg is ${wanted}, but the JWK is for ${fromJwk}: leave alg out`);
  }
  if (isAlgorithm(alg) && fitting.includes(alg)) return alg;
  throw new KeyError(`alg ${alg} does not fit the key: use ${fitting.join(' or ')}`);
}

/** The public half where it may be seen, which a CryptoKey can forbid. */
function visiblePublicJwk(key: KeyObject | CryptoKey): JsonWebKey | undefined {
  if (key.type === 'secret') return undefined;
  if (key instanceof KeyObject) return publicJwkOf(createPublicKey(key));
  return key.extractable ? publicJwkOf(createPublicKey(KeyObject.from(key))) : undefined;
}

function jwsMaker(alg: Algorithm, key: KeyObject | CryptoKey): KeyParts['sign'] {
  if (key instanceof KeyObject) {
    const sign = signer(alg, key);
    return (header, claims) => compactJws(header, claims, sign);
  }
  return (header, claims) =>
    new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ ...header.parameters, alg })
      .sign(key);
}

/**
 * The parts of a key that is in this process.
 *
 * @throws {KeyError} where it cannot be used
 * @throws {TypeError} for an option that there is not
 */
export function localKey(options: SigningKeyOptions, demands: KeyDemands): KeyParts {
  assertKnownOptions('A signing key', options, KEY_OPTIONS);
  const { key, kid, alg: algOfJwk } = readKey(options.key, options.passphrase);
  const fitting = key instanceof KeyObject ? algorithmsOf(key) : algorithmsOfCryptoKey(key);
  const alg = chooseAlgorithm(fitting, algOfJwk, options.alg, demands.algorithms);
  const publicJwk = visiblePublicJwk(key);
  if (options.kid === undefined && key.type === 'private' && publicJwk === undefined) {
    throw new KeyError(
      'the key cannot be exported, so its kid is not known: set kid, or kid: false',
    );
  }
  return {
    alg,
    kid: chooseKid(options.kid, kid, publicJwk),
    publicJwk,
    certificate: certificateOf(options, alg, publicJwk)?.header,
    sign: jwsMaker(alg, key),
  };
}
