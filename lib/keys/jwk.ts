import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { type Algorithm, isSameAlgorithm } from '../shared/jose.js';
import { safeText } from '../shared/safe.js';
import {
  algorithmsOf,
  exponentTooLong,
  KeyError,
  MAXIMUM_RSA_BITS,
  shown,
  tooManyRsaBits,
} from './algorithms.js';
import { readCertificate, refusePublicBytes } from './pem.js';
import type { JsonWebKey } from './secret.js';
import type { VerificationKey } from './signature.js';

export interface ImportedKeys {
  readonly keys: readonly VerificationKey[];
  readonly refused: readonly RefusedKey[];
}

export interface RefusedKey {
  readonly message: string;
  /** The set exposes a private or symmetric key. */
  readonly isPrivate: boolean;
}

/** RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2; `priv` of AKP. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'];

/** Some serializers write null or an empty list for a missing member. */
const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

function withoutAbsent(value: unknown): JsonWebKey {
  const members = Object.entries(value as object).filter(([, member]) => !isAbsent(member));
  return Object.fromEntries(members) as unknown as JsonWebKey;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const secretMemberOf = (jwk: object, members: readonly string[]): string | undefined =>
  members.find((member) => !isAbsent((jwk as Readonly<Record<string, unknown>>)[member]));

const privateKeyError = (member: string): KeyError =>
  new KeyError(
    `the JWK holds a private key (member ${member}): publish the public half, and replace this key`,
  );

/** Whatever its type and use. */
export function refuseSecretJwk(jwk: object): void {
  const member = secretMemberOf(jwk, PRIVATE_MEMBERS);
  if (member !== undefined) throw privateKeyError(member);
  if (secretMemberOf(jwk, ['k']) !== undefined) {
    throw new KeyError('a symmetric key is published (member k): anyone who reads it can sign');
  }
}

/** RFC 7518 §4, §5. */
const ENCRYPTION_ALG = /^(?:RSA1_5|RSA-OAEP|ECDH-|A\d{3}|dir$|PBES2-|HPKE-)/;

const AGREEMENT_CURVES = ['X25519', 'X448'];

/** RFC 7517 §4.2 to §4.4. */
function otherPurpose({ kty, use, key_ops, alg, crv }: JsonWebKey): string | undefined {
  const not = 'the JWK is not for signatures';
  if (use !== undefined && use !== 'sig') return `${not}: its use is ${shown(use)}, not "sig"`;
  if (Array.isArray(key_ops) && !key_ops.includes('verify')) {
    // Values of other types are omitted: they may not convert to text.
    const named = key_ops.filter((operation) => typeof operation === 'string');
    return `${not}: its key_ops ${shown(named.join())} lack "verify"`;
  }
  if (typeof alg === 'string' && ENCRYPTION_ALG.test(alg)) {
    return `${not}: its alg is ${shown(alg)}`;
  }
  return kty === 'OKP' && (AGREEMENT_CURVES as readonly unknown[]).includes(crv)
    ? `${not}: its curve ${crv} is for key agreement`
    : undefined;
}

const sizeOf = (base64url: string): number => Math.floor((base64url.length * 3) / 4);

function bytesOf(
  jwk: JsonWebKey,
  member: string,
  maxBytes: number,
  tooLong = (bytes: number): KeyError =>
    new KeyError(`the member ${member} has ${bytes} bytes: at most ${maxBytes} are accepted`),
): Buffer {
  const value = jwk[member];
  if (value === undefined) {
    throw new KeyError(`the JWK of type ${shown(jwk.kty)} has no member ${member}`);
  }
  // Allows for a leading zero and padding.
  if (typeof value === 'string' && value.length > Math.ceil((maxBytes * 4) / 3) + 4) {
    throw tooLong(sizeOf(value));
  }
  if (typeof value !== 'string' || !/^[\w+/-]+={0,2}$/.test(value)) {
    throw new KeyError(`the member ${member} of the JWK is not base64url`);
  }
  return Buffer.from(value, 'base64url');
}

/** Many libraries add a leading zero or omit leading zeros. */
const withoutZeros = (bytes: Buffer): Buffer =>
  bytes.subarray(bytes.findIndex((byte) => byte !== 0));

function rsaPublicKey(jwk: JsonWebKey): KeyObject {
  const bits = (bytes: number) => tooManyRsaBits(bytes * 8);
  const n = withoutZeros(bytesOf(jwk, 'n', MAXIMUM_RSA_BITS / 8, bits)).toString('base64url');
  const e = withoutZeros(bytesOf(jwk, 'e', 8, exponentTooLong)).toString('base64url');
  return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
}

/** The size of a coordinate (RFC 7518 §6.2.1.2), and the start of the key's DER (RFC 5480 §2). */
const CURVES: ReadonlyMap<unknown, readonly [size: number, prefix: Buffer]> = new Map(
  [
    ['P-256', 32, '3059301306072a8648ce3d020106082a8648ce3d030107034200'],
    ['P-384', 48, '3076301006072a8648ce3d020106052b81040022036200'],
    ['P-521', 66, '30819b301006072a8648ce3d020106052b8104002303818600'],
  ].map(([curve, size, prefix]) => [curve, [Number(size), Buffer.from(String(prefix), 'hex')]]),
);

const UNCOMPRESSED = Buffer.of(4);

/** Some publishers omit leading zeros, others add one. */
function coordinate(jwk: JsonWebKey, member: string, size: number): Buffer {
  const tooLong = (length: number) =>
    new KeyError(`the member ${member} has ${length} bytes: ${jwk['crv']} needs ${size}`);
  const bytes = bytesOf(jwk, member, 80, tooLong);
  const number = withoutZeros(bytes);
  if (bytes.length === 0) throw new KeyError(`the member ${member} of the JWK is empty`);
  if (number.length > size) throw tooLong(bytes.length);
  return Buffer.concat([Buffer.alloc(size - number.length), number]);
}

/**
 * As DER: for a JWK, OpenSSL multiplies the point by the order of the curve, a millisecond on
 * P-521. The curve equation proves the same, because all points of these curves have that order.
 */
function ecPublicKey(jwk: JsonWebKey): KeyObject {
  const curve = CURVES.get(jwk['crv']);
  if (curve === undefined) {
    throw new KeyError(
      `the curve ${shown(jwk['crv'])} is not supported: use P-256, P-384 or P-521`,
    );
  }
  const [size, prefix] = curve;
  const point = [coordinate(jwk, 'x', size), coordinate(jwk, 'y', size)];
  try {
    const key = Buffer.concat([prefix, UNCOMPRESSED, ...point]);
    return createPublicKey({ key, format: 'der', type: 'spki' });
  } catch {
    throw new KeyError(`the point of the JWK, x and y, is not on its curve ${jwk['crv']}`);
  }
}

function okpPublicKey(jwk: JsonWebKey): KeyObject {
  const { kty, crv } = jwk;
  if (crv !== 'Ed25519') {
    throw new KeyError(`the curve ${shown(crv)} is not supported: use Ed25519`);
  }
  const bytes = bytesOf(jwk, 'x', 32);
  if (bytes.length !== 32) {
    throw new KeyError(`the member x has ${bytes.length} bytes: Ed25519 needs 32`);
  }
  const key = { kty, crv, x: bytes.toString('base64url') };
  return createPublicKey({ key, format: 'jwk' });
}

/** The last number of the object identifier, and the size in bytes (FIPS 204, RFC 9881). */
const ML_DSA: ReadonlyMap<string, readonly [oid: number, bytes: number]> = new Map([
  ['ML-DSA-44', [0x11, 1312]],
  ['ML-DSA-65', [0x12, 1952]],
  ['ML-DSA-87', [0x13, 2592]],
]);

const ML_DSA_ALGORITHM = Buffer.from('300b06096086480165030403', 'hex');

const derOf = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const bytes = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag, 0x82, bytes.length >> 8, bytes.length & 0xff), bytes]);
};

/** As DER (RFC 9881 §4), because Node supports that earlier than the JWK. */
function readMlDsa(oid: number, key: Buffer): KeyObject {
  const algorithm = [ML_DSA_ALGORITHM, Buffer.of(oid)];
  const der = derOf(0x30, ...algorithm, derOf(0x03, Buffer.of(0), key));
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

const verifiable = new Map<string, boolean>();

/** ML-DSA depends on Node's OpenSSL, so the feature is tried instead of checking versions. */
export function isVerifiable(alg: string): boolean {
  const parameters = ML_DSA.get(alg);
  if (parameters === undefined) return true;
  const known = verifiable.get(alg);
  if (known !== undefined) return known;
  const [oid, bytes] = parameters;
  let works = true;
  try {
    readMlDsa(oid, Buffer.alloc(bytes));
  } catch {
    works = false;
  }
  verifiable.set(alg, works);
  return works;
}

const cannot = (what: string): string =>
  `this Node (${process.version}, OpenSSL ${process.versions.openssl}) cannot ${what}: use Node 24.6 or newer`;

export const cannotVerify = (alg: string): string => cannot(`verify ${alg}`);

export function mistakeInMlDsa(alg: unknown): string {
  if (!ML_DSA.has(alg as string)) {
    return `the AKP key has the alg ${shown(alg)}: use ${[...ML_DSA.keys()].join(', ')}`;
  }
  return isVerifiable(alg as string)
    ? `the key for ${alg} is not a valid private key`
    : cannot(`sign with ${alg}`);
}

export function mlDsaOf(der: Buffer): string | undefined {
  const at = der.indexOf(ML_DSA_ALGORITHM);
  const oid = at < 0 ? undefined : der[at + ML_DSA_ALGORITHM.length];
  return [...ML_DSA].find(([, [last]]) => last === oid)?.[0];
}

function akpPublicKey(jwk: JsonWebKey): KeyObject {
  const alg = jwk.alg as string;
  const parameters = ML_DSA.get(alg);
  if (parameters === undefined) throw new KeyError(mistakeInMlDsa(alg));
  const [oid, bytes] = parameters;
  if (!isVerifiable(alg)) throw new KeyError(cannotVerify(alg));
  const key = bytesOf(jwk, 'pub', bytes);
  if (key.length === bytes) return readMlDsa(oid, key);
  throw new KeyError(`the member pub has ${key.length} bytes: ${alg} needs ${bytes}`);
}

/** In bytes. HMAC hashes a longer key first, so it would gain nothing. */
export const MAX_SHARED_BYTES = 1024;

function secretKeyFromJwk(jwk: JsonWebKey): KeyObject {
  const { k } = jwk;
  if (typeof k === 'string' && sizeOf(k) > MAX_SHARED_BYTES) {
    throw new KeyError(`the oct key has more than ${MAX_SHARED_BYTES} bytes`);
  }
  if (typeof k !== 'string' || !/^[\w-]+$/.test(k)) {
    throw new KeyError('the oct key has no base64url member k');
  }
  const bytes = Buffer.from(k, 'base64url');
  refusePublicBytes('the oct key', bytes);
  return createSecretKey(bytes);
}

const PUBLIC_KEYS: Readonly<Record<string, (jwk: JsonWebKey) => KeyObject>> = {
  RSA: rsaPublicKey,
  EC: ecPublicKey,
  OKP: okpPublicKey,
  AKP: akpPublicKey,
};

const isKnownType = (kty: unknown): boolean =>
  kty === 'oct' || (typeof kty === 'string' && Object.hasOwn(PUBLIC_KEYS, kty));

function keyObjectOf(jwk: JsonWebKey): KeyObject {
  if (jwk.kty === 'oct') return secretKeyFromJwk(jwk);
  const read = isKnownType(jwk.kty) ? PUBLIC_KEYS[jwk.kty] : undefined;
  if (read === undefined) {
    throw new KeyError(`the JWK has the kty ${shown(jwk.kty)}: use RSA, EC, OKP, AKP or oct`);
  }
  try {
    return read(jwk);
  } catch (error) {
    if (error instanceof KeyError) throw error;
    throw new KeyError(`the JWK of type ${shown(jwk.kty)} is not a valid public key`);
  }
}

function narrow(algorithms: readonly Algorithm[], alg: unknown): readonly Algorithm[] {
  if (alg === undefined) return algorithms;
  const own = algorithms.filter((algorithm) => isSameAlgorithm(algorithm, alg));
  if (own.length > 0) return own;
  throw new KeyError(
    `the JWK's alg ${shown(alg)} does not fit its key: use ${algorithms.join(', ')}`,
  );
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

type Thumbprints = Pick<VerificationKey, 'x5t' | 'x5tS256'>;

/** From the certificate itself; the thumbprint members of the JWK may be wrong. */
function thumbprintsOf(jwk: JsonWebKey, keyObject: KeyObject): Thumbprints {
  const { x5c } = jwk;
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined;
  const certificate = typeof first === 'string' ? readCertificate(first) : undefined;
  if (certificate === undefined) {
    return { x5t: textOf(jwk['x5t']), x5tS256: textOf(jwk['x5t#S256']) };
  }
  const { publicKey, raw } = certificate;
  if (publicKey.asymmetricKeyType !== keyObject.asymmetricKeyType || !publicKey.equals(keyObject)) {
    throw new KeyError('the certificate in x5c has another key than the JWK (RFC 7517 §4.7)');
  }
  const hash = (name: string) => createHash(name).update(raw).digest('base64url');
  return { x5t: hash('sha1'), x5tS256: hash('sha256') };
}

export function keyFromJwk(value: unknown): VerificationKey {
  if (!isObject(value)) throw new KeyError('the value is not a JSON Web Key object');
  const jwk = withoutAbsent(value);
  const privateMember = secretMemberOf(jwk, PRIVATE_MEMBERS);
  if (privateMember !== undefined) throw privateKeyError(privateMember);
  if (typeof jwk.kty !== 'string') {
    throw new KeyError(
      Array.isArray(jwk['keys'])
        ? 'the value is a JWK Set: use the type JsonWebKeySet'
        : 'the JWK has no kty',
    );
  }
  const purpose = otherPurpose(jwk);
  if (purpose !== undefined) throw new KeyError(purpose);
  const keyObject = keyObjectOf(jwk);
  return {
    keyObject,
    algorithms: narrow(algorithmsOf(keyObject), jwk.alg),
    kid: textOf(jwk.kid),
    ...(keyObject.type === 'public' && thumbprintsOf(jwk, keyObject)),
  };
}

export const MAX_CONFIGURED_KEYS = 1000;

/** Of a fetched set: real sets have a few, hostile sets thousands. */
export const MAX_REMOTE_KEYS = 50;

/** Of a client that registered itself: anyone can make us import its keys. */
export const MAX_STRANGERS_KEYS = 10;

const MAX_REPORTED = 5;

function entriesOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    throw new KeyError('the value is a list: a JWK Set is an object with the array keys');
  }
  const { keys, kty } = (value ?? {}) as { readonly keys?: unknown; readonly kty?: unknown };
  if (Array.isArray(keys)) return keys;
  throw new KeyError(
    typeof kty === 'string'
      ? 'the value is one JWK and has no array keys: use the type JsonWebKey'
      : 'the value is not a JWK Set: it has no array keys',
  );
}

function inSet(jwk: object, error: unknown): string {
  const { kid } = jwk as { readonly kid?: unknown };
  const name = typeof kid === 'string' ? shown(kid) : 'without a kid';
  return `in the JWK Set, key ${name}: ${(error as Error).message}`;
}

/** RFC 7517 §5. Keys that are skipped or refused do not affect the others. */
export function importJwkSet(value: unknown, maxKeys: number): ImportedKeys {
  const refused: RefusedKey[] = [];
  const usable: object[] = [];
  for (const entry of entriesOf(value)) {
    if (!isObject(entry)) continue;
    try {
      refuseSecretJwk(entry);
      const jwk = withoutAbsent(entry);
      if (isKnownType(jwk.kty) && otherPurpose(jwk) === undefined) usable.push(entry);
    } catch (error) {
      refused.push({ message: inSet(entry, error), isPrivate: true });
    }
  }
  if (usable.length > maxKeys) throw new KeyError(`the JWK Set has more than ${maxKeys} keys`);
  const keys: VerificationKey[] = [];
  for (const jwk of usable) {
    try {
      keys.push(keyFromJwk(jwk));
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      refused.push({ message: inSet(jwk, error), isPrivate: false });
    }
  }
  const reported = refused.slice(0, MAX_REPORTED).map(({ message, isPrivate }) => ({
    message: safeText(message) ?? '',
    isPrivate,
  }));
  return { keys, refused: reported };
}
