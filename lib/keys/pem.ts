import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { algorithmsOf, KeyError, shown } from './algorithms.js';
import type { VerificationKey } from './signature.js';

/** In characters. A certificate chain has a few thousand. */
const MAX_TEXT = 65_536;

/** In bytes of DER. A key of 8192 bits has about 1,100; an ML-DSA-87 key about 2,600. */
const MAX_KEY_BYTES = 4096;
const MAX_CERTIFICATE_BYTES = 16_384;

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;
const BEGIN = /-----BEGIN ([A-Z0-9 .]{1,40})-----/g;
/** In a line of its own, maybe after attributes, indented or in quotes. */
const FIRST_LINE = /^[^\S\n]*["']?-----BEGIN /m;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const PUBLIC_KEY_LABELS = ['PUBLIC KEY', 'RSA PUBLIC KEY'];
const CERTIFICATE_LABELS = ['CERTIFICATE', 'X509 CERTIFICATE', 'X.509 CERTIFICATE'];

/** Whatever else the text contains. */
export function refusePrivateKey(text: string): void {
  if (!PRIVATE_KEY.test(text)) return;
  throw new KeyError('the PEM holds a private key: publish the public half, and replace this key');
}

interface PemBlock {
  readonly label: string;
  readonly der: Buffer;
}

/** From the first backslash on, so that a long run of them is read once. */
const ESCAPED_LINE_END = /(?<!\\)\\+[nr]/g;

function plain(value: string): string {
  // Which removes a byte order mark too.
  const text = value.trim();
  const inner = /^(["'])([\s\S]*)\1$/.exec(text)?.[2] ?? text;
  return inner.replace(ESCAPED_LINE_END, '\n');
}

function unwrapped(value: string): string {
  if (value.length > MAX_TEXT) {
    throw new KeyError(`the value has more than ${MAX_TEXT} characters`);
  }
  const text = plain(value);
  if (!BASE64.test(withoutSpace(text))) return text;
  // Some environments store a whole PEM as base64.
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  return decoded.includes('-----BEGIN ') ? plain(decoded) : text;
}

const withoutSpace = (text: string): string => text.replace(/\s+/g, '');

const MAX_BLOCKS = 10;

/** Text around the parts is a comment (RFC 7468 §2). */
function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const { 0: line, 1: label = '', index } of text.matchAll(BEGIN)) {
    const start = index + line.length;
    const end = text.indexOf(`-----END ${label}-----`, start);
    const body = withoutSpace(text.slice(start, end === -1 ? start : end));
    if (end === -1)
      throw new KeyError(`the PEM has no line -----END ${label}-----: it was cut off`);
    if (!BASE64.test(body)) throw new KeyError(`the PEM ${label} is not base64 between its lines`);
    if (blocks.length === MAX_BLOCKS) {
      throw new KeyError(`the PEM has more than ${MAX_BLOCKS} parts: use several secrets`);
    }
    blocks.push({ label, der: Buffer.from(body, 'base64') });
  }
  return blocks;
}

const DER_SEQUENCE = 0x30;

const PUBLIC_FORMS = [
  (der: Buffer) => createPublicKey({ key: der, format: 'der', type: 'spki' }),
  (der: Buffer) => createPublicKey({ key: der, format: 'der', type: 'pkcs1' }),
  (der: Buffer) => new X509Certificate(der),
];

function isPublicDer(der: Buffer): boolean {
  if (der[0] !== DER_SEQUENCE) return false;
  return PUBLIC_FORMS.some((read) => {
    try {
      read(der);
      return true;
    } catch {
      return false;
    }
  });
}

/** Everybody knows a public key, in any encoding (RFC 8725 §2.1). */
export function refusePublicBytes(what: string, bytes: Buffer): void {
  const text = bytes.toString('utf8');
  const remedy = 'use PublicKeyPem or X509CertificateBase64';
  if (FIRST_LINE.test(text)) throw new KeyError(`${what} is a PEM: ${remedy}`);
  const base64 = withoutSpace(text);
  if (!isPublicDer(bytes) && !(BASE64.test(base64) && isPublicDer(Buffer.from(base64, 'base64')))) {
    return;
  }
  throw new KeyError(`${what} is a public key or a certificate, which everybody knows: ${remedy}`);
}

const listed = (blocks: readonly PemBlock[]): string => blocks.map(({ label }) => label).join(', ');

function publicKeyOf({ label, der }: PemBlock): KeyObject {
  if (der.length > MAX_KEY_BYTES) {
    throw new KeyError(`the public key has ${der.length} bytes: at most ${MAX_KEY_BYTES} are read`);
  }
  try {
    return createPublicKey({
      key: der,
      format: 'der',
      type: label === 'PUBLIC KEY' ? 'spki' : 'pkcs1',
    });
  } catch {
    throw new KeyError('the PEM does not hold a public key that can be read');
  }
}

const publicKeysIn = (blocks: readonly PemBlock[]): readonly KeyObject[] =>
  blocks.filter(({ label }) => PUBLIC_KEY_LABELS.includes(label)).map(publicKeyOf);

const isSameKey = (a: KeyObject, b: KeyObject): boolean =>
  a.asymmetricKeyType === b.asymmetricKeyType && a.equals(b);

/** SPKI (`PUBLIC KEY`) or PKCS#1 (`RSA PUBLIC KEY`). */
export function keysFromPem(value: string): readonly VerificationKey[] {
  const text = unwrapped(value);
  refusePrivateKey(text);
  const blocks = pemBlocks(text);
  const keys = publicKeysIn(blocks);
  if (keys.length === 0) {
    if (blocks.some(({ label }) => CERTIFICATE_LABELS.includes(label))) {
      throw new KeyError('the PEM is a certificate: use the type X509CertificateBase64');
    }
    if (blocks.length > 0) {
      throw new KeyError(`the PEM is a ${listed(blocks)}: use PUBLIC KEY or RSA PUBLIC KEY`);
    }
    throw new KeyError(
      BASE64.test(withoutSpace(text))
        ? 'the value is not a public key in PEM: it is base64 without -----BEGIN PUBLIC KEY-----'
        : 'the value is not a public key in PEM',
    );
  }
  for (const { label, der } of blocks) {
    if (!CERTIFICATE_LABELS.includes(label)) continue;
    const certified = keyOfCertificate(certificateFrom(der));
    if (keys.some((key) => isSameKey(key, certified))) continue;
    throw new KeyError('the PEM has a public key and also a certificate of another key');
  }
  return keys.map((keyObject) => ({ keyObject, algorithms: algorithmsOf(keyObject) }));
}

function keyOfCertificate(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch {
    throw new KeyError('the key of the certificate cannot be read');
  }
}

function certificateFrom(der: Buffer): X509Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw new KeyError(
      `the certificate has ${der.length} bytes: at most ${MAX_CERTIFICATE_BYTES} are read`,
    );
  }
  try {
    return new X509Certificate(der);
  } catch {
    throw new KeyError('the value is not an X.509 certificate in base64 DER or PEM');
  }
}

export function readCertificate(
  base64: string,
): { readonly publicKey: KeyObject; readonly raw: Buffer } | undefined {
  if (base64.length > (MAX_CERTIFICATE_BYTES * 4) / 3 + 4) {
    throw new KeyError(
      `the member x5c has a certificate of more than ${MAX_CERTIFICATE_BYTES} bytes`,
    );
  }
  try {
    const { publicKey, raw } = new X509Certificate(Buffer.from(base64, 'base64'));
    return { publicKey, raw };
  } catch {
    return undefined;
  }
}

/** The client's own certificate issued no other certificate of the chain. */
function leafOf(certificates: readonly X509Certificate[]): X509Certificate {
  const distinct = certificates.filter(
    ({ fingerprint256 }, index) =>
      certificates.findIndex((other) => other.fingerprint256 === fingerprint256) === index,
  );
  const leaves = distinct.filter(
    (certificate) =>
      !distinct.some((other) => other !== certificate && other.checkIssued(certificate)),
  );
  const [leaf] = leaves;
  if (leaf !== undefined && leaves.length === 1) return leaf;
  throw new KeyError(
    `the PEM has ${certificates.length} certificates that are not one chain: give each as a secret of its own`,
  );
}

function parseCertificate(value: string): X509Certificate {
  const text = unwrapped(value);
  refusePrivateKey(text);
  const blocks = pemBlocks(text);
  if (blocks.length === 0) {
    const base64 = withoutSpace(text);
    if (!BASE64.test(base64)) throw new KeyError('the certificate is not base64');
    return certificateFrom(Buffer.from(base64, 'base64'));
  }
  const certificates = blocks.filter(({ label }) => CERTIFICATE_LABELS.includes(label));
  if (certificates.length === 0) {
    throw new KeyError(`the PEM is not a CERTIFICATE but a ${listed(blocks)}`);
  }
  const leaf = leafOf(certificates.map(({ der }) => certificateFrom(der)));
  for (const key of publicKeysIn(blocks)) {
    if (isSameKey(key, keyOfCertificate(leaf))) continue;
    throw new KeyError('the PEM has a certificate and also a public key of another key pair');
  }
  return leaf;
}

function seconds(date: string): number {
  const time = Date.parse(date);
  if (!Number.isNaN(time)) return Math.floor(time / 1000);
  throw new KeyError(`the validity period of the certificate is unreadable: ${shown(date)}`);
}

/** No chain is verified and no authority trusted: the configuration pins the certificate. */
export function keyFromCertificate(value: string): VerificationKey {
  const certificate = parseCertificate(value);
  const thumbprint = (hash: string) => createHash(hash).update(certificate.raw).digest('base64url');
  const keyObject = keyOfCertificate(certificate);
  return {
    keyObject,
    algorithms: algorithmsOf(keyObject),
    x5t: thumbprint('sha1'),
    x5tS256: thumbprint('sha256'),
    notBefore: seconds(certificate.validFrom),
    notAfter: seconds(certificate.validTo),
  };
}
