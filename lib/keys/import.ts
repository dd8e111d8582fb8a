import { Buffer } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { parseRemoteUrl } from '../net/remote-url.js';
import { algorithmsOf, KeyError, shown } from './algorithms.js';
import {
  type ImportedKeys,
  importJwkSet,
  keyFromJwk,
  MAX_CONFIGURED_KEYS,
  MAX_SHARED_BYTES,
} from './jwk.js';
import { keyFromCertificate, keysFromPem, refusePublicBytes } from './pem.js';
import { expirationOf, type FederatedIdentity, type KeySecret, type Secret } from './secret.js';
import type { VerificationKey } from './signature.js';

const none: ImportedKeys['refused'] = [];

const TYPES = Object.keys({
  X509CertificateBase64: true,
  JsonWebKey: true,
  JsonWebKeySet: true,
  JwksUri: true,
  PublicKeyPem: true,
  SharedSecret: true,
  FederatedIdentity: true,
} satisfies Record<Exclude<Secret['type'], 'MetadataDocument'>, true>);

/** In characters: a set of 50 keys with certificates has about 200,000. */
const MAX_JSON = 262_144;

const tooMuchJson = (): KeyError =>
  new KeyError(`the value has more than ${MAX_JSON} characters of JSON`);

/** No other code can change the copy. */
export function jsonCopy(value: unknown): unknown {
  if (typeof value !== 'object') return value;
  try {
    const text = JSON.stringify(value);
    if (text.length > MAX_JSON) throw tooMuchJson();
    return JSON.parse(text);
  } catch (error) {
    throw error instanceof KeyError ? error : new KeyError('its value is not JSON');
  }
}

/** JSON, or the single-quoted form that C# sources contain. */
export function parseJwkText(text: string): unknown {
  if (text.length > MAX_JSON) throw tooMuchJson();
  const json = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(json);
  } catch {
    if (/^\s*\{\s*'/.test(json) && !json.includes('"')) {
      try {
        return JSON.parse(json.replaceAll("'", '"'));
      } catch {
        // The JSON error below is reported instead.
      }
    }
    throw new KeyError('the value is not JSON');
  }
}

/** A copy, so that only what the JSON shows is imported. */
const parsed = (value: unknown): unknown =>
  typeof value === 'string' ? parseJwkText(value) : jsonCopy(value);

function textOf(secret: KeySecret): string {
  if (typeof secret.value === 'string' && secret.value !== '') return secret.value;
  throw new KeyError('its value is not a non-empty string');
}

/** The UTF-8 bytes of the client secret (OpenID Connect Core §10.1). */
function keyFromSharedSecret(value: string): VerificationKey {
  const start = value.slice(0, MAX_SHARED_BYTES);
  refusePublicBytes('the shared secret', Buffer.from(start, 'utf8'));
  if (/^\s*\{.*["']kty["']/s.test(start)) {
    throw new KeyError('the shared secret is a JWK: use JsonWebKey');
  }
  if (value.length > MAX_SHARED_BYTES) {
    throw new KeyError(`the shared secret has more than ${MAX_SHARED_BYTES} characters`);
  }
  const keyObject = createSecretKey(Buffer.from(value, 'utf8'));
  return { keyObject, algorithms: algorithmsOf(keyObject) };
}

/** The set may have no signature keys. */
export function importConfiguredSet(value: unknown, maxKeys = MAX_CONFIGURED_KEYS): ImportedKeys {
  const imported = importJwkSet(parsed(value), maxKeys);
  const secret = imported.refused.find(({ isPrivate }) => isPrivate);
  if (secret !== undefined) throw new KeyError(secret.message);
  return imported;
}

function keysOfSet(value: unknown, maxKeys: number | undefined): ImportedKeys {
  const imported = importConfiguredSet(value, maxKeys);
  if (imported.keys.length > 0) return imported;
  const [first] = imported.refused;
  const why = first === undefined ? '' : `: ${first.message}`;
  throw new KeyError(`the JWK Set has no key for signatures${why}`);
}

function checkJwksUri(value: unknown): void {
  try {
    parseRemoteUrl(value);
  } catch (error) {
    throw new KeyError((error as Error).message);
  }
}

/** A misspelt restriction would admit too many workloads. */
const IDENTITY_MEMBERS: Readonly<Record<string, true>> = {
  type: true,
  issuer: true,
  subject: true,
  audience: true,
  claims: true,
  jwksUri: true,
  jwks: true,
  singleUse: true,
  maxLifetime: true,
  description: true,
  expiration: true,
} satisfies Record<keyof FederatedIdentity, true>;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const isAbsent = (value: unknown): value is undefined | null =>
  value === undefined || value === null;

/** A Map or an instance of a class would restrict nothing: only own members are compared. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function checkClaims(claims: object): void {
  if (!isPlainObject(claims)) {
    throw new KeyError('its claims are not an object of names and values');
  }
  for (const [name, value] of Object.entries(claims)) {
    if (isText(value) || Number.isFinite(value) || typeof value === 'boolean') continue;
    throw new KeyError(
      `its claim ${shown(name)} must be a non-empty string, a number or a boolean, because claims are compared exactly`,
    );
  }
}

function checkIdentityRules(identity: FederatedIdentity): void {
  const { issuer, subject, audience, claims, singleUse, maxLifetime } = identity;
  if (!isText(issuer)) throw new KeyError('its issuer is not a non-empty string');
  if (!isText(subject)) throw new KeyError('its subject is not a non-empty string');
  if (subject.includes('*')) {
    throw new KeyError('its subject has a *: subjects are compared exactly, without wildcards');
  }
  if (!isAbsent(audience) && !isText(audience)) {
    throw new KeyError('its audience is not a non-empty string');
  }
  if (!isAbsent(claims)) checkClaims(claims);
  if (!isAbsent(singleUse) && typeof singleUse !== 'boolean') {
    throw new KeyError('its singleUse must be true or false');
  }
  const isDuration = Number.isFinite(maxLifetime) && (maxLifetime as number) > 0;
  if (!isAbsent(maxLifetime) && !isDuration) {
    throw new KeyError('its maxLifetime must be a positive number of seconds');
  }
}

export function checkIdentity(identity: FederatedIdentity): void {
  const unknown = Object.keys(identity).find((name) => !Object.hasOwn(IDENTITY_MEMBERS, name));
  if (unknown !== undefined) {
    const names = Object.keys(IDENTITY_MEMBERS).join(', ');
    throw new KeyError(
      `its member ${shown(unknown)} is not known: put claims of the token into claims, or choose from ${names}`,
    );
  }
  checkIdentityRules(identity);
  expirationOf(identity);
  const { issuer, jwks, jwksUri } = identity;
  if (!isAbsent(jwks) && !isAbsent(jwksUri)) {
    throw new KeyError('it has both jwks and jwksUri: remove one');
  }
  if (!isAbsent(jwksUri)) checkRemote('jwksUri', jwksUri);
  else if (isAbsent(jwks)) checkRemote('issuer', issuer);
}

function checkRemote(name: 'issuer' | 'jwksUri', value: unknown): void {
  try {
    const { search } = parseRemoteUrl(value);
    if (name === 'issuer' && search !== '') throw new Error('the URL has a query');
  } catch (error) {
    const remedy =
      name === 'issuer' ? ', so it has no discovery document: give jwks or jwksUri' : '';
    throw new KeyError(`its ${name} cannot be fetched from: ${(error as Error).message}${remedy}`);
  }
}

/** Imports nothing: a platform's keys are only tried for the platform's assertions. */
function checkFederated(identity: FederatedIdentity, maxKeys: number | undefined): void {
  checkIdentity(identity);
  if (!isAbsent(identity.jwks)) keysOfSet(identity.jwks, maxKeys);
}

/** `JwksUri` and `FederatedIdentity` have no keys here and are only checked for their form. */
export function importSecret(secret: Secret, maxKeys?: number): ImportedKeys {
  switch (secret.type) {
    case 'X509CertificateBase64':
      return { keys: [keyFromCertificate(textOf(secret))], refused: none };
    case 'JsonWebKey':
      return { keys: [keyFromJwk(parsed(secret.value))], refused: none };
    case 'JsonWebKeySet':
      return keysOfSet(secret.value, maxKeys);
    case 'JwksUri':
      checkJwksUri(secret.value);
      return { keys: [], refused: none };
    case 'PublicKeyPem':
      return { keys: keysFromPem(textOf(secret)), refused: none };
    case 'SharedSecret':
      return { keys: [keyFromSharedSecret(textOf(secret))], refused: none };
    case 'FederatedIdentity':
      checkFederated(secret, maxKeys);
      return { keys: [], refused: none };
    case 'MetadataDocument':
      throw new KeyError(
        'it is a copy, which has no keys: return the secrets that clientMetadataDocuments returned, and do not store them, because it caches the documents itself',
      );
    default:
      throw new KeyError(
        `its type ${shown((secret as { type?: unknown }).type)} is not known: choose from ${TYPES.join(', ')}`,
      );
  }
}
