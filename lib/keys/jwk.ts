import { Buffer } from 'node:buffer';
import {
  createHash,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  type JsonWebKey as NodeJsonWebKey,
} from 'node:crypto';
import { type Algorithm, isSameAlgorithm } from '../shared/algorithms.js';
import { algorithmsOf, KeyError, shown } from './algorithms.js';
import { ecPublicKey } from './ec-jwk.js';
import type { JsonWebKey } from './secret.js';
import type { VerificationKey } from './verification-key.js';

/**
 * Members that only private keys have (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2), those of key types that
 * are not understood here included.
 */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'];

const privateMemberOf = (jwk: object): string | undefined =>
  PRIVATE_MEMBERS.find((member) => Object.hasOwn(jwk, member));

/**
 * Refuses a JWK that only its owner may see, of whatever type and use it is.
 *
 * @throws {KeyError}
 */
export function refuseSecretJwk(jwk: unknown): void {
  if (typeof jwk !== 'object' || jwk === null) throw new KeyError('what is no JWK is no key');
  if (Object.hasOwn(jwk, 'k')) throw new KeyError('a symmetric key (member k) is a secret');
  const member = privateMemberOf(jwk);
  if (member !== undefined) {
    throw new KeyError(`a private key (member ${member}) is a secret: give its public half`);
  }
}

/** Parses JSON, or the single-quoted form that C# sources print it in. */
export function parseJwkText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (/^\s*\{\s*'/.test(text) && !text.includes('"')) {
      try {
        return JSON.parse(text.replaceAll("'", '"'));
      } catch {
        // Falls through to the error that the caller sees.
      }
    }
    throw new KeyError('the value is not JSON');
  }
}

/** Tells whether a JWK is meant for encryption rather than signatures (RFC 7517 §4.2, §4.3). */
export function isForEncryption(jwk: JsonWebKey): boolean {
  if (jwk.use !== undefined && jwk.use !== 'sig') return true;
  return Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify');
}

function secretKeyFromJwk(jwk: JsonWebKey): KeyObject {
  const { k } = jwk;
  if (typeof k !== 'string' || !/^[\w-]+$/.test(k)) {
    throw new KeyError('the oct key has no base64url member k');
  }
  return createSecretKey(Buffer.from(k, 'base64url'));
}

function publicKeyFromJwk(jwk: JsonWebKey): KeyObject {
  const present = privateMemberOf(jwk);
  if (present !== undefined) {
    throw new KeyError(
      `the JWK holds a private key (member ${present}): configure the public one and keep this secret`,
    );
  }
  try {
    const ecKey = jwk.kty === 'EC' ? ecPublicKey(jwk) : undefined;
    return ecKey ?? createPublicKey({ key: jwk as NodeJsonWebKey, format: 'jwk' });
  } catch {
    const curve = jwk['crv'] === undefined ? '' : ` with the curve ${shown(jwk['crv'])}`;
    throw new KeyError(`the JWK of type ${shown(jwk.kty)}${curve} is not a valid public key`);
  }
}

/** The `alg` of a JWK narrows what it may be used for; the two names of Ed25519 are one. */
function narrow(algorithms: readonly Algorithm[], alg: unknown): readonly Algorithm[] {
  if (alg === undefined) return algorithms;
  const own = algorithms.filter((algorithm) => isSameAlgorithm(algorithm, alg));
  if (own.length === 0) {
    throw new KeyError(
      `the JWK's alg ${shown(alg)} does not fit its key: use ${algorithms.join(', ')}`,
    );
  }
  return own;
}

const optionalString = (jwk: JsonWebKey, member: string): string | undefined => {
  const value = jwk[member];
  return typeof value === 'string' ? value : undefined;
};

function certificateThumbprint(jwk: JsonWebKey, hash: string): string | undefined {
  const chain = jwk['x5c'];
  const first: unknown = Array.isArray(chain) ? chain[0] : undefined;
  if (typeof first !== 'string') return undefined;
  return createHash(hash).update(Buffer.from(first, 'base64')).digest('base64url');
}

/**
 * A verification key from a JSON Web Key: RSA, EC or OKP, or a symmetric `oct`.
 *
 * @throws {KeyError} for private, weak, malformed and encryption keys
 */
export function keyFromJwk(value: unknown): VerificationKey {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new KeyError('the value is not a JSON Web Key object');
  }
  const jwk = value as JsonWebKey;
  if (typeof jwk.kty !== 'string') throw new KeyError('the JWK has no kty');
  if (isForEncryption(jwk)) {
    throw new KeyError('the JWK is not for signatures: its use must be sig, its key_ops verify');
  }
  const keyObject = jwk.kty === 'oct' ? secretKeyFromJwk(jwk) : publicKeyFromJwk(jwk);
  return {
    keyObject,
    algorithms: narrow(algorithmsOf(keyObject), jwk.alg),
    kid: optionalString(jwk, 'kid'),
    x5t: optionalString(jwk, 'x5t') ?? certificateThumbprint(jwk, 'sha1'),
    x5tS256: optionalString(jwk, 'x5t#S256') ?? certificateThumbprint(jwk, 'sha256'),
  };
}
