import {
  constants,
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign as signWith,
} from 'node:crypto';
import type { Secret } from 'passport-private-key-jwt';

type JsonWebKey = Exclude<Extract<Secret, { type: 'JsonWebKey' }>['value'], string>;

export const ISSUER = 'https://as.example';
export const TOKEN_ENDPOINT = 'https://as.example/token';
export const CLIENT_ID = 'client.jwt';
export const KID = 'key-2027';

/** The algorithms that are measured. */
export const MEASURED_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'] as const;

export type MeasuredAlgorithm = (typeof MEASURED_ALGORITHMS)[number];

/** A key pair, or one key twice where it is symmetric. */
export interface Keys {
  readonly alg: MeasuredAlgorithm;
  readonly signing: KeyObject;
  readonly verifying: KeyObject;
  /** What the server knows of it. */
  readonly jwk: JsonWebKey;
}

function generate(alg: MeasuredAlgorithm): Pick<Keys, 'signing' | 'verifying'> {
  if (alg === 'HS256') {
    // A text, as client secrets are: its bytes are the key (OpenID Connect Core §10.1).
    const secret = createSecretKey(Buffer.from(randomBytes(32).toString('base64url')));
    return { signing: secret, verifying: secret };
  }
  const { privateKey, publicKey } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { signing: privateKey, verifying: publicKey };
}

export function newKeys(alg: MeasuredAlgorithm, kid = KID): Keys {
  const { signing, verifying } = generate(alg);
  return {
    alg,
    signing,
    verifying,
    jwk: { ...verifying.export({ format: 'jwk' }), kid } as JsonWebKey,
  };
}

/** The options of a raw signature and its check. */
export function signatureOptions(alg: MeasuredAlgorithm, key: KeyObject) {
  if (alg === 'PS256') {
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  }
  return alg === 'ES256' ? ({ key, dsaEncoding: 'ieee-p1363' } as const) : key;
}

export const digestOf = (alg: MeasuredAlgorithm): string | null =>
  alg === 'EdDSA' ? null : 'sha256';

function signatureOf({ alg, signing }: Keys, input: string): Buffer {
  if (alg === 'HS256') return createHmac('sha256', signing).update(input).digest();
  return signWith(digestOf(alg), Buffer.from(input), signatureOptions(alg, signing));
}

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** How an assertion differs from the usual one. */
export interface Differences {
  readonly clientId?: string;
  readonly header?: object;
  readonly claims?: object;
}

/** An assertion that is valid for ten minutes but for the differences. */
export function newAssertion(
  keys: Keys,
  { clientId = CLIENT_ID, header, claims }: Differences = {},
): string {
  const now = Math.floor(Date.now() / 1000);
  const input = [
    // Shared secrets have no kid.
    { alg: keys.alg, typ: 'JWT', ...(keys.alg !== 'HS256' && { kid: keys.jwk['kid'] }), ...header },
    {
      iss: clientId,
      sub: clientId,
      aud: ISSUER,
      jti: randomUUID(),
      iat: now,
      nbf: now,
      exp: now + 600,
      ...claims,
    },
  ]
    .map(segment)
    .join('.');
  return `${input}.${signatureOf(keys, input).toString('base64url')}`;
}

/** An assertion taken apart, for the raw checks. */
export interface SignedBytes {
  readonly data: Buffer;
  readonly signature: Buffer;
}

export function signedBytes(assertion: string): SignedBytes {
  const end = assertion.lastIndexOf('.');
  return {
    data: Buffer.from(assertion.slice(0, end)),
    signature: Buffer.from(assertion.slice(end + 1), 'base64url'),
  };
}
