import { KeyError, shown } from './algorithms.js';
import { checkJwksUri } from './check-jwks-uri.js';
import { jsonCopy } from './json.js';
import { keyFromJwk, parseJwkText } from './jwk.js';
import { keysFromJwkSet } from './jwk-set.js';
import { keyFromPem } from './pem.js';
import type { Secret } from './secret.js';
import { keyFromSharedSecret } from './shared-secret.js';
import type { VerificationKey } from './verification-key.js';
import { keyFromCertificate } from './x509.js';

/** For the sentence about a type that is none of them. */
const TYPES = Object.keys({
  X509CertificateBase64: true,
  JsonWebKey: true,
  JsonWebKeySet: true,
  JwksUri: true,
  PublicKeyPem: true,
  SharedSecret: true,
} satisfies Record<Secret['type'], true>);

function stringValue(secret: Secret): string {
  if (typeof secret.value === 'string' && secret.value !== '') return secret.value;
  throw new KeyError('its value is not a non-empty string');
}

/** A copy, so that nothing is imported but what the value's JSON shows. */
const parsed = (value: unknown): unknown =>
  typeof value === 'string' ? parseJwkText(value) : jsonCopy(value);

/**
 * Turns a secret into the keys that it stands for; none for a `JwksUri`, of which only the form is
 * looked at, since its keys have to be fetched.
 *
 * @param maxKeys how many keys a JWK Set may have
 * @throws {KeyError} where the secret is weak, malformed or of an unknown type
 */
export function importSecret(secret: Secret, maxKeys?: number): readonly VerificationKey[] {
  switch (secret.type) {
    case 'X509CertificateBase64':
      return [keyFromCertificate(stringValue(secret))];
    case 'JsonWebKey':
      return [keyFromJwk(parsed(secret.value))];
    case 'JsonWebKeySet':
      return keysFromJwkSet(parsed(secret.value), maxKeys);
    case 'JwksUri':
      checkJwksUri(secret.value);
      return [];
    case 'PublicKeyPem':
      return [keyFromPem(stringValue(secret))];
    case 'SharedSecret':
      return [keyFromSharedSecret(stringValue(secret))];
    default:
      throw new KeyError(
        `its type ${shown((secret as Secret).type)} is not known: choose from ${TYPES.join(', ')}`,
      );
  }
}

/** The year 5138: a number beyond it was meant in milliseconds. So long before 1970 nothing was. */
const LATEST = 1e11;

/** Other texts are dates too for JavaScript, though not for all the same one. */
const ISO_8601 = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** In seconds since the epoch; NaN for what is no date. */
function timeOf(date: Date | string | number): number {
  if (typeof date === 'number') return date;
  if (typeof date === 'string' && !ISO_8601.test(date)) return Number.NaN;
  try {
    return new Date(date).getTime() / 1000;
  } catch {
    return Number.NaN;
  }
}

const MISNAMED = /^exp(?:ir|$)/i;

/** Other members are the application's, but none of these is: the secret would live for ever. */
function checkExpirationName(secret: Secret): void {
  for (const name in secret) {
    // Asked for each secret of each request; hardly any name gets beyond the first letter.
    if ((name.charCodeAt(0) | 0x20) !== 0x65 || !MISNAMED.test(name)) continue;
    if (name === 'expiration') continue;
    throw new KeyError(`its member ${shown(name)} is not known: use expiration`);
  }
}

/**
 * When a secret expires, in seconds since the epoch; undefined for never.
 *
 * @throws {KeyError} where the secret is no object, its `expiration` is no date, or is called otherwise
 */
export function expirationOf(secret: Secret): number | undefined {
  if (typeof secret !== 'object' || secret === null) throw new KeyError('it is not an object');
  const { expiration } = secret;
  if (expiration === undefined || expiration === null) {
    checkExpirationName(secret);
    return undefined;
  }
  const time = timeOf(expiration);
  if (!Number.isFinite(time) || time < -LATEST) {
    throw new KeyError('its expiration is not a date: use a Date, ISO 8601 or seconds');
  }
  if (typeof expiration === 'number' && time > LATEST) {
    throw new KeyError('its expiration is in milliseconds: use a Date, ISO 8601 or seconds');
  }
  return time;
}
