import { Buffer } from 'node:buffer';
import { createPrivateKey, createSecretKey, KeyObject } from 'node:crypto';
import type { CryptoKey } from 'jose';
import { KeyError } from '../../keys/algorithms.js';
import { parseJwkText } from '../../keys/import.js';
import type { JsonWebKey } from '../../keys/secret.js';
import {
  refuseDamagedPem,
  refuseMistakenBytes,
  refuseMistakenObject,
  refuseMistakenText,
} from './key-mistakes.js';

/** A private JWK. It has no member of the other things that a signing key is made of. */
export interface PrivateJsonWebKey extends JsonWebKey {
  readonly key?: never;
  readonly sign?: never;
}

/**
 * A private key: PEM (PKCS#8, PKCS#1 or SEC1) or the JSON of a JWK, as text or as the bytes of a
 * file; a JWK; a `KeyObject`; a `CryptoKey`. A symmetric key, for `client_secret_jwt`, is an `oct`
 * JWK or a secret `KeyObject`.
 */
export type KeyMaterial = string | Uint8Array | PrivateJsonWebKey | KeyObject | CryptoKey;

/** A key that has been read, and what it says of itself. */
export interface ReadKey {
  readonly key: KeyObject | CryptoKey;
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
}

const NOT_PRIVATE = 'the key is a public key: sign with the private one that belongs to it';

const isCryptoKey = (value: object): value is CryptoKey =>
  Object.prototype.toString.call(value) === '[object CryptoKey]';

function fromPem(pem: string, passphrase: string | undefined): ReadKey {
  if (pem.includes('BEGIN OPENSSH PRIVATE KEY')) {
    throw new KeyError('the key is in the form of OpenSSH: convert it with ssh-keygen -p -m PKCS8');
  }
  if (!pem.includes('PRIVATE KEY-----')) {
    throw new KeyError(
      pem.includes('BEGIN CERTIFICATE')
        ? 'the PEM is a certificate: give its private key as key and this as certificate'
        : NOT_PRIVATE,
    );
  }
  const encrypted = pem.includes('ENCRYPTED');
  if (encrypted && passphrase === undefined) {
    throw new KeyError('the key is encrypted: give its passphrase');
  }
  try {
    return { key: createPrivateKey({ key: pem, format: 'pem', passphrase }) };
  } catch {
    refuseDamagedPem(pem);
    throw new KeyError(
      encrypted
        ? 'the key cannot be decrypted: the passphrase is wrong, or the PEM is damaged'
        : 'the PEM does not hold a private key that can be read',
    );
  }
}

function checkJwkUse({ use, key_ops }: JsonWebKey): void {
  if (use !== undefined && use !== 'sig') {
    throw new KeyError(`the JWK is not for signatures: its use is ${JSON.stringify(use)}`);
  }
  // A public key_ops (verify) on a private key is a slip that harms nobody.
  if (Array.isArray(key_ops) && !key_ops.includes('sign') && !key_ops.includes('verify')) {
    throw new KeyError('the JWK is not for signatures: its key_ops have no sign');
  }
}

function keyObjectFromJwk(jwk: JsonWebKey): KeyObject {
  if (jwk.kty === 'oct') {
    if (typeof jwk['k'] === 'string') return createSecretKey(Buffer.from(jwk['k'], 'base64url'));
    throw new KeyError('the oct key has no member k');
  }
  if (jwk['d'] === undefined) throw new KeyError(NOT_PRIVATE);
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    throw new KeyError(`the JWK of type ${jwk.kty} is not a valid private key`);
  }
}

function fromJwk(jwk: JsonWebKey): ReadKey {
  if (typeof jwk.kty !== 'string') throw new KeyError('the JWK has no kty');
  checkJwkUse(jwk);
  const { kid, alg } = jwk;
  return {
    key: keyObjectFromJwk(jwk),
    kid: typeof kid === 'string' ? kid : undefined,
    alg: typeof alg === 'string' ? alg : undefined,
  };
}

function fromJson(text: string): ReadKey {
  const value = parseJwkText(text) as JsonWebKey;
  refuseMistakenObject(value);
  return fromJwk(value);
}

/** The mark that some editors put before UTF-8. */
const BYTE_ORDER_MARK = /^\uFEFF/;

function fromText(content: string, passphrase: string | undefined): ReadKey {
  const text = content.replace(BYTE_ORDER_MARK, '');
  if (text.includes('-----BEGIN')) return fromPem(text, passphrase);
  if (/^\s*\{/.test(text)) return fromJson(text);
  refuseMistakenText(text);
  throw new KeyError('the key is neither PEM nor the JSON of a JWK: give the content of the file');
}

function fromCryptoKey(key: CryptoKey): ReadKey {
  if (key.type === 'public') throw new KeyError(NOT_PRIVATE);
  if (!key.usages.includes('sign')) {
    throw new KeyError('the CryptoKey may not sign: its usages must include sign');
  }
  return { key };
}

/**
 * Reads a private or symmetric key.
 *
 * @throws {KeyError} where it is public, encrypted without its passphrase, for encryption, or
 *   unreadable
 */
export function readKey(material: KeyMaterial, passphrase: string | undefined): ReadKey {
  if (material === undefined || material === null) throw new KeyError('no key was given');
  if (typeof material === 'string') return fromText(material, passphrase);
  refuseMistakenObject(material);
  if (material instanceof Uint8Array) {
    refuseMistakenBytes(material);
    return fromText(Buffer.from(material).toString('utf8'), passphrase);
  }
  if (material instanceof KeyObject) {
    if (material.type === 'public') throw new KeyError(NOT_PRIVATE);
    return { key: material };
  }
  if (isCryptoKey(material)) return fromCryptoKey(material);
  return fromJwk(material);
}
