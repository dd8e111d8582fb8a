import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { KeyAlgorithm } from './generate-key.js';
import { importOptionalPeer } from './optional-peer.js';

/** What is in a certificate. */
export interface CertificateOptions {
  readonly alg: KeyAlgorithm;
  readonly privateKey: KeyObject;
  /** The subject, and the issuer too. */
  readonly commonName: string;
  readonly days: number;
}

interface SignatureAlgorithm {
  readonly oid: string;
  readonly hash: string | null;
}

const SHA256_WITH_RSA = { oid: '1.2.840.113549.1.1.11', hash: 'sha256' };

/** RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3. */
const SIGNATURE_ALGORITHMS: Readonly<Record<KeyAlgorithm, SignatureAlgorithm>> = {
  RS256: SHA256_WITH_RSA,
  PS256: SHA256_WITH_RSA,
  ES256: { oid: '1.2.840.10045.4.3.2', hash: 'sha256' },
  ES384: { oid: '1.2.840.10045.4.3.3', hash: 'sha384' },
  ES512: { oid: '1.2.840.10045.4.3.4', hash: 'sha512' },
  EdDSA: { oid: '1.3.101.112', hash: null },
};

const COMMON_NAME = '2.5.4.3';
const KEY_USAGE = '2.5.29.15';
const DIGITAL_SIGNATURE = Uint8Array.of(0x80);

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A positive number that nobody can guess, of which the first byte is not 0 (RFC 5280 §4.1.2.2). */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return new Uint8Array(bytes);
}

const wholeSeconds = (milliseconds: number): Date =>
  new Date(Math.floor(milliseconds / 1000) * 1000);

/**
 * A self-signed certificate (RFC 5280) for a key that signs assertions.
 *
 * @returns its DER
 * @throws {CommandError} where the packages that encode it are not installed
 */
export async function selfSignedCertificate(options: CertificateOptions): Promise<Buffer> {
  const [pkijs, asn1] = await importOptionalPeer('--certificate', ['pkijs', 'asn1js'], () =>
    Promise.all([import('pkijs'), import('asn1js')]),
  );
  const { alg, privateKey, commonName, days } = options;
  const { oid, hash } = SIGNATURE_ALGORITHMS[alg];
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const name = new pkijs.AttributeTypeAndValue({
    type: COMMON_NAME,
    value: new asn1.Utf8String({ value: commonName }),
  });
  const keyUsage = new asn1.BitString({ valueHex: DIGITAL_SIGNATURE, unusedBits: 7 });
  const signatureAlgorithm = new pkijs.AlgorithmIdentifier({
    algorithmId: oid,
    ...(oid === SHA256_WITH_RSA.oid && { algorithmParams: new asn1.Null() }),
  });
  const time = (value: Date) =>
    new pkijs.Time({
      type: value.getUTCFullYear() < 2050 ? pkijs.TimeType.UTCTime : pkijs.TimeType.GeneralizedTime,
      value,
    });

  const certificate = new pkijs.Certificate({
    version: 2,
    serialNumber: new asn1.Integer({ valueHex: serialNumber() }),
    signature: signatureAlgorithm,
    signatureAlgorithm,
    issuer: new pkijs.RelativeDistinguishedNames({ typesAndValues: [name] }),
    subject: new pkijs.RelativeDistinguishedNames({ typesAndValues: [name] }),
    // For servers whose clocks are behind.
    notBefore: time(wholeSeconds(Date.now() - 5 * MINUTE)),
    notAfter: time(wholeSeconds(Date.now() + days * DAY)),
    subjectPublicKeyInfo: pkijs.PublicKeyInfo.fromBER(new Uint8Array(publicKey)),
    extensions: [
      new pkijs.Extension({ extnID: KEY_USAGE, critical: true, extnValue: keyUsage.toBER() }),
    ],
  });
  const toBeSigned = new Uint8Array(certificate.encodeTBS().toBER());
  certificate.signatureValue = new asn1.BitString({
    valueHex: new Uint8Array(sign(hash, toBeSigned, privateKey)),
  });
  const encodeAnew = true;
  return Buffer.from(certificate.toSchema(encodeAnew).toBER());
}

/** A certificate in PEM (RFC 7468 §5). */
export const certificatePem = (der: Buffer): string =>
  [
    '-----BEGIN CERTIFICATE-----',
    ...(der.toString('base64').match(/.{1,64}/g) ?? []),
    '-----END CERTIFICATE-----',
    '',
  ].join('\n');
