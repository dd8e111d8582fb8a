import { Buffer } from 'node:buffer';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { CryptoKey } from 'jose';
import { algorithmsOf, asPlainRsa, KeyError } from '../../keys/algorithms.js';
import { parseJwkText } from '../../keys/import.js';
import { mistakeInMlDsa, mlDsaOf } from '../../keys/jwk.js';
import type { JsonWebKey } from '../../keys/secret.js';
import { type Algorithm, isAlgorithm } from '../../shared/jose.js';
import { mistakeInDer, mistakeInObject, mistakeInText, NOT_PRIVATE } from './key-mistakes.js';
import { type PemBlock, pemBlocks, textOf, unwrapped } from './key-text.js';

/** The excluded members belong to other kinds of signing keys. */
export interface PrivateJsonWebKey extends JsonWebKey {
  readonly key?: never;
  readonly sign?: never;
}

/**
 * A private key: PEM (PKCS#8, PKCS#1 or SEC1), the JSON of a JWK or DER, as text or as the bytes of
 * a file; a JWK; a `KeyObject`; a `CryptoKey`. Text may come straight from environment variables
 * and vaults: in quotes, in base64, as a JSON string, with escaped line ends or on one line. For
 * `client_secret_jwt`, use a symmetric key: an `oct` JWK or a secret `KeyObject`.
 */
export type KeyMaterial = string | Uint8Array | PrivateJsonWebKey | KeyObject | CryptoKey;

export interface ReadKey {
  readonly key: KeyObject | CryptoKey;
  readonly jwk?: JsonWebKey | undefined;
  readonly certificates?: readonly PemBlock[] | undefined;
}

/** The members of a JWK thumbprint, in order (RFC 7638 §3.2, RFC 8037 §2). */
const REQUIRED_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  AKP: ['alg', 'kty', 'pub'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};

/** RFC 7638. jose's function is asynchronous, but `kid` must be known at once. */
export function jwkThumbprint(jwk: JsonWebKey): string {
  const members = (REQUIRED_MEMBERS[jwk.kty] ?? []).map((name) => [name, jwk[name]]);
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url');
}

/** RSASSA-PSS keys become RSA. */
export const publicJwkOf = (publicKey: KeyObject): JsonWebKey => {
  const isPss = publicKey.asymmetricKeyType === 'rsa-pss';
  return (isPss ? asPlainRsa(publicKey) : publicKey).export({ format: 'jwk' }) as JsonWebKey;
};

const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]*-----/g, ''), 'base64');

function privateKeyFromPem({ pem }: PemBlock, passphrase: string | undefined): KeyObject {
  const encrypted = pem.includes('ENCRYPTED');
  if (encrypted && passphrase === undefined) {
    throw new KeyError('the key is encrypted: give its passphrase');
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem', passphrase });
  } catch {
    const mlDsa = mlDsaOf(derOf(pem));
    if (mlDsa !== undefined) throw new KeyError(mistakeInMlDsa(mlDsa));
    throw new KeyError(
      encrypted
        ? 'the key cannot be decrypted: the passphrase is wrong, or the PEM is damaged'
        : 'the PEM does not hold a private key that can be read',
    );
  }
}

const isPrivate = ({ label }: PemBlock): boolean =>
  label === 'PRIVATE KEY' || /^(ENCRYPTED|RSA|EC) PRIVATE KEY$/.test(label);

const isPublic = ({ label }: PemBlock): boolean => /^(RSA )?PUBLIC KEY$/.test(label);

function fromPem(text: string, passphrase: string | undefined): ReadKey {
  const blocks = pemBlocks(text);
  const [own, ...others] = blocks.filter(isPrivate);
  if (own === undefined) {
    throw new KeyError(
      mistakeInText(text) ??
        'the key is neither PEM nor the JSON of a JWK: give the content of the file',
    );
  }
  if (others.length > 0) {
    throw new KeyError(`the PEM has ${others.length + 1} private keys: give one of them`);
  }
  const key = privateKeyFromPem(own, passphrase);
  const half = createPublicKey(key);
  if (!blocks.filter(isPublic).every((block) => isHalf(block, half))) throw new KeyError(MISMATCH);
  return { key, certificates: blocks.filter(({ label }) => label === 'CERTIFICATE') };
}

function isHalf({ pem }: PemBlock, half: KeyObject): boolean {
  try {
    return isSameKey(createPublicKey(pem), half);
  } catch {
    return false;
  }
}

/** KeyObject.equals would leave an error in OpenSSL's queue if the types differ. */
export const isSameKey = (one: KeyObject, other: KeyObject): boolean =>
  jwkThumbprint(publicJwkOf(one)) === jwkThumbprint(publicJwkOf(other));

const DER_TYPES = ['pkcs8', 'pkcs1', 'sec1'] as const;

function isEncrypted(der: Buffer): boolean {
  try {
    createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
  }
}

function fromDer(der: Buffer, passphrase: string | undefined): ReadKey {
  for (const type of DER_TYPES) {
    try {
      return { key: createPrivateKey({ key: der, format: 'der', type, passphrase }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE') {
        throw new KeyError('the key is encrypted: give its passphrase');
      }
    }
  }
  if (isEncrypted(der)) {
    throw new KeyError('the key cannot be decrypted: the passphrase is wrong, or it is damaged');
  }
  const mlDsa = mlDsaOf(der);
  throw new KeyError(mlDsa === undefined ? mistakeInDer(der) : mistakeInMlDsa(mlDsa));
}

function checkJwkUse({ use, key_ops }: JsonWebKey): void {
  if (use !== undefined && use !== null && use !== 'sig') {
    throw new KeyError(`the JWK is not for signatures: its use is ${JSON.stringify(use)}`);
  }
  // A key_ops of the public half (verify) on a private key is a harmless mistake.
  const ops: readonly unknown[] = Array.isArray(key_ops) ? key_ops : [];
  if (ops.length > 0 && !ops.includes('sign') && !ops.includes('verify')) {
    throw new KeyError('the JWK is not for signatures: its key_ops lack sign');
  }
}

/** RFC 7518 §6.3.2 lets an RSA key have `d` alone. Node cannot read such a key. */
const RSA_PARTS = ['p', 'q', 'dp', 'dq', 'qi'];

function mistakeInJwk(jwk: JsonWebKey): string {
  const missing = RSA_PARTS.filter((name) => (jwk[name] ?? undefined) === undefined);
  return jwk.kty === 'RSA' && missing.length > 0
    ? `the RSA JWK has no ${missing.join(', ')}: export the key with all of its numbers`
    : `the JWK of type ${jwk.kty} is not a valid private key`;
}

const PRIVATE_PART: Readonly<Record<string, string>> = { AKP: 'priv' };

function keyObjectFromJwk(jwk: JsonWebKey): KeyObject {
  if (jwk.kty === 'oct') {
    if (typeof jwk['k'] === 'string') return createSecretKey(Buffer.from(jwk['k'], 'base64url'));
    throw new KeyError('the oct key has no member k');
  }
  if ((jwk[PRIVATE_PART[jwk.kty] ?? 'd'] ?? undefined) === undefined)
    throw new KeyError(NOT_PRIVATE);
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    throw new KeyError(jwk.kty === 'AKP' ? mistakeInMlDsa(jwk.alg) : mistakeInJwk(jwk));
  }
}

const PUBLIC_PARTS = ['x', 'y', 'n', 'e', 'pub'];

const bytesOf = (value: unknown): string =>
  Buffer.from(String(value), 'base64url')
    .toString('hex')
    .replace(/^(?:00)+/, '');

const MISMATCH =
  'the private half and the public half do not belong together: give both halves of one key';

/** RFC 8017 §3.2. OpenSSL does not check it. */
function isConsistentRsa(jwk: JsonWebKey): boolean {
  const number = (name: string) => BigInt(`0x0${bytesOf(jwk[name])}`);
  const [n, e, d] = [number('n'), number('e'), number('d')];
  const [p, q] = [number('p'), number('q')];
  if (p < 3n || q < 3n || p * q !== n) return false;
  const isInverse = (prime: bigint) => (e * d) % (prime - 1n) === 1n;
  return (
    isInverse(p) &&
    isInverse(q) &&
    number('dp') === d % (p - 1n) &&
    number('dq') === d % (q - 1n) &&
    (number('qi') * q) % p === 1n
  );
}

const PROBE = Buffer.from('passport-private-key-jwt');

function signsForItsHalf(key: KeyObject): boolean {
  const digest = /^(rsa|ec)/.test(key.asymmetricKeyType ?? '') ? hashFor(key) : null;
  try {
    return verify(digest, PROBE, createPublicKey(key), sign(digest, PROBE, key));
  } catch {
    return false;
  }
}

/** An RSASSA-PSS key may prescribe its hash (RFC 4055 §3.1). */
const hashFor = (key: KeyObject): string => key.asymmetricKeyDetails?.hashAlgorithm ?? 'sha256';

function visibleKey(key: KeyObject | CryptoKey): KeyObject | undefined {
  if (key instanceof KeyObject) return key;
  return key.extractable ? KeyObject.from(key) : undefined;
}

export function publicHalfOf(key: KeyObject | CryptoKey): KeyObject | undefined {
  const visible = key.type === 'private' ? visibleKey(key) : undefined;
  return visible && createPublicKey(visible);
}

/** With the public half of another key, servers could verify nothing. */
export function checkHalves({ key: read, jwk: given }: ReadKey): void {
  const key = visibleKey(read);
  if (key?.type !== 'private') return;
  if (
    key.asymmetricKeyType === 'rsa' &&
    !isConsistentRsa(key.export({ format: 'jwk' }) as JsonWebKey)
  ) {
    throw new KeyError(MISMATCH);
  }
  if (given !== undefined) {
    const half = publicJwkOf(createPublicKey(key));
    const differs = PUBLIC_PARTS.some(
      (name) => typeof given[name] === 'string' && bytesOf(given[name]) !== bytesOf(half[name]),
    );
    if (differs) throw new KeyError(MISMATCH);
  }
  if (!signsForItsHalf(key)) throw new KeyError(MISMATCH);
}

function fromJwk(jwk: JsonWebKey): ReadKey {
  if (typeof jwk.kty !== 'string') {
    throw new KeyError(mistakeInObject(jwk) ?? 'the JWK has no kty');
  }
  checkJwkUse(jwk);
  return { key: keyObjectFromJwk(jwk), jwk };
}

const holdsKey = (value: unknown): value is string =>
  typeof value === 'string' && /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(value);

function fromJson(text: string, passphrase: string | undefined): ReadKey {
  const value = parseJwkText(text) as JsonWebKey;
  if (typeof value.kty === 'string') return fromJwk(value);
  const [pem, ...others] = Object.values(value).filter(holdsKey);
  return pem === undefined || others.length > 0 ? fromJwk(value) : fromText(pem, passphrase);
}

function fromText(content: string, passphrase: string | undefined): ReadKey {
  const text = unwrapped(content);
  if (typeof text !== 'string') return fromDer(text, passphrase);
  return text.startsWith('{') ? fromJson(text, passphrase) : fromPem(text, passphrase);
}

const isCryptoKey = (value: object): value is CryptoKey =>
  Object.prototype.toString.call(value) === '[object CryptoKey]';

function fromCryptoKey(key: CryptoKey): ReadKey {
  if (key.type === 'public') throw new KeyError(NOT_PRIVATE);
  if (!key.usages.includes('sign')) {
    throw new KeyError('the CryptoKey may not sign: its usages must include sign');
  }
  return { key };
}

function fromKeyObject(key: KeyObject): ReadKey {
  if (key.type === 'public') throw new KeyError(NOT_PRIVATE);
  return { key };
}

function fromBytes(bytes: Uint8Array, passphrase: string | undefined): ReadKey {
  const text = textOf(bytes);
  return typeof text === 'string' ? fromText(text, passphrase) : fromDer(text, passphrase);
}

function read(material: KeyMaterial, passphrase: string | undefined): ReadKey {
  if (typeof material === 'string') return fromText(material, passphrase);
  if (material instanceof Uint8Array) return fromBytes(material, passphrase);
  if (material instanceof KeyObject) return fromKeyObject(material);
  return isCryptoKey(material) ? fromCryptoKey(material) : fromJwk(material);
}

export function readKey(material: KeyMaterial, passphrase: string | undefined): ReadKey {
  if (material === undefined || material === null) throw new KeyError('no key was given');
  return read(material, passphrase);
}

interface KeyAlgorithm {
  readonly name: string;
  readonly hash?: { readonly name: string };
  readonly namedCurve?: string;
  readonly modulusLength?: number;
}

const CURVES: Readonly<Record<string, Algorithm>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
};

const PREFIXES: Readonly<Record<string, string>> = {
  'RSASSA-PKCS1-v1_5': 'RS',
  'RSA-PSS': 'PS',
  HMAC: 'HS',
};

function algorithmsOfCryptoKey(key: CryptoKey): readonly Algorithm[] {
  const { name, hash, namedCurve, modulusLength } = key.algorithm as KeyAlgorithm;
  if (modulusLength !== undefined && modulusLength < 2048) {
    throw new KeyError(`the RSA key has ${modulusLength} bits: use one of at least 2048`);
  }
  if (name === 'Ed25519') return ['EdDSA', 'Ed25519'];
  const prefix = PREFIXES[name];
  const alg =
    prefix === undefined ? (CURVES[namedCurve ?? ''] ?? name) : `${prefix}${hash?.name.slice(4)}`;
  if (isAlgorithm(alg)) return [alg];
  const kind = [name, hash?.name ?? namedCurve].filter(Boolean).join(' with ');
  throw new KeyError(
    `CryptoKeys of ${kind} are not supported: use RSA, ECDSA, Ed25519 or HMAC with SHA-256 or longer`,
  );
}

export function signingAlgorithmsOf(key: KeyObject | CryptoKey): readonly Algorithm[] {
  if (!(key instanceof KeyObject)) return algorithmsOfCryptoKey(key);
  return algorithmsOf(key.type === 'private' ? createPublicKey(key) : key);
}

function checkedKid(kid: unknown, name: string): string | undefined {
  if (kid === undefined || kid === null) return undefined;
  if (kid === '') throw new KeyError(`${name} is empty: use kid: false to send none`);
  if (typeof kid === 'string') return kid;
  throw new KeyError(`${name} must be text, or false for none`);
}

/** The configured `kid` (false for none), otherwise that of the JWK, otherwise the thumbprint. */
export function chooseKid(
  wanted: unknown,
  own: unknown,
  publicJwk: JsonWebKey | undefined,
): string | undefined {
  if (wanted === false) return undefined;
  return (
    checkedKid(wanted, 'kid') ??
    checkedKid(own, 'the kid of the JWK') ??
    (publicJwk && jwkThumbprint(publicJwk))
  );
}
