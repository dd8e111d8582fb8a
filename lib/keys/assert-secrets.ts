import { helpFor } from '../shared/errors.js';
import { ALGORITHMS, isSameAlgorithm } from '../shared/jose.js';
import { KeyError, shown } from './algorithms.js';
import { isSymmetric } from './compact-jws.js';
import { importConfiguredSet, importSecret } from './import.js';
import { cannotVerify, isVerifiable } from './jwk.js';
import { documentKeysOf } from './key-cache.js';
import { type AssertionClient, describeSecret, expirationOf, type Secret } from './secret.js';
import type { VerificationKey } from './signature.js';

/** The message names the client, the secret and the reason. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly code = 'secret_refused';
  readonly help = helpFor(this.code);
  readonly clientId: string;

  constructor(clientId: string, message: string) {
    super(message);
    this.clientId = clientId;
  }
}

const METHODS: readonly unknown[] = ['private_key_jwt', 'client_secret_jwt'];

/** RFC 7591 §2. The keys at a `jwks_uri` are unknown. */
export function contradictionIn(
  client: Pick<AssertionClient, 'tokenEndpointAuthMethod' | 'tokenEndpointAuthSigningAlg'>,
  keys: readonly VerificationKey[],
  hasRemoteKeys: boolean,
): string | undefined {
  const method = client.tokenEndpointAuthMethod ?? undefined;
  const alg = client.tokenEndpointAuthSigningAlg ?? undefined;
  if (method !== undefined && !METHODS.includes(method)) return undefined;
  if (method !== undefined && alg !== undefined) {
    const isShared = method === 'client_secret_jwt';
    if (isSymmetric(alg) !== isShared) {
      return `${method} cannot use ${alg}: choose ${isShared ? 'HS256, HS384 or HS512' : 'an algorithm with a private key'}`;
    }
  }
  if (hasRemoteKeys) return undefined;
  if (keys.length === 0) return method && `${method} needs a key, and the client has none`;
  const fits = keys.some(({ algorithms }) => algorithms.some((one) => isSameAlgorithm(one, alg)));
  if (alg === undefined || fits) return undefined;
  const possible = [...new Set(keys.flatMap(({ algorithms }) => algorithms))].join(', ');
  return `none of its keys can verify ${alg}, only ${possible}`;
}

/** Only a warning, because a certificate may be renewed, or its validity may be ignored. */
function warnOfExpired(clientId: string, keys: readonly VerificationKey[]): void {
  const now = Date.now() / 1000;
  const isExpired = ({ notAfter }: VerificationKey) => notAfter !== undefined && notAfter < now;
  if (keys.length === 0 || !keys.every(isExpired)) return;
  process.emitWarning(
    `Client ${shown(clientId)}: every certificate among its secrets has expired, so it cannot authenticate.`,
    { type: 'PrivateKeyJwtWarning', code: 'secret_expired' },
  );
}

/**
 * A set needs a signature key only if the client authenticates by its keys (RFC 7591 §2). A set
 * with only unusable keys is always a mistake.
 */
function importOf(secret: Secret, method: string | undefined): readonly VerificationKey[] {
  const ofDocument = documentKeysOf(secret);
  if (ofDocument !== undefined) return ofDocument.imported.keys;
  const isForOtherUse = method !== undefined && !METHODS.includes(method);
  if (secret.type !== 'JsonWebKeySet' || !isForOtherUse) return importSecret(secret).keys;
  const { keys, refused } = importConfiguredSet(secret.value);
  const [first] = refused;
  if (keys.length === 0 && first !== undefined) throw new KeyError(first.message);
  return keys;
}

const hasRemoteKeys = ({ secrets, tokenEndpointAuthMethod }: AssertionClient): boolean =>
  (secrets ?? []).some(
    (secret) =>
      secret.type === 'JwksUri' ||
      documentKeysOf(secret)?.uri !== undefined ||
      // A platform's assertion counts as private_key_jwt.
      (secret.type === 'FederatedIdentity' && tokenEndpointAuthMethod !== 'client_secret_jwt'),
  );

/** RFC 7591 metadata has other names: its keys would not be checked. */
function isMetadata(client: unknown): boolean {
  const { clientId, secrets, jwks, jwks_uri } = Object(client) as Readonly<Record<string, unknown>>;
  const hasKeys = (jwks ?? jwks_uri ?? undefined) !== undefined;
  return typeof clientId !== 'string' || ((secrets ?? undefined) === undefined && hasKeys);
}

/** Without the warning of `assertClientSecrets`. */
export function checkClientSecrets(client: AssertionClient): readonly VerificationKey[] {
  if (isMetadata(client)) {
    throw new TypeError(
      'This is not a client: clientId or secrets is missing. clientFromMetadata makes a client from RFC 7591 metadata (client_id, jwks, jwks_uri)',
    );
  }
  for (const name of ['tokenEndpointAuthSigningAlg', 'requestObjectSigningAlg'] as const) {
    const alg = client[name] ?? undefined;
    if (alg === undefined) continue;
    const known = ALGORITHMS.find((one) => one === alg);
    if (known !== undefined && isVerifiable(known)) continue;
    const why =
      known === undefined
        ? `is not known: choose from ${ALGORITHMS.filter(isVerifiable).join(', ')}`
        : `cannot be used: ${cannotVerify(known)}`;
    const message = `Client ${shown(client.clientId)}: its ${name} ${shown(alg)} ${why}.`;
    throw new SecretError(client.clientId, message);
  }
  if (!Number.isFinite(client.maxLifetime ?? 0)) {
    const message = `Client ${shown(client.clientId)}: its maxLifetime must be a finite number of seconds.`;
    throw new SecretError(client.clientId, message);
  }
  const secrets: readonly Secret[] = client.secrets ?? [];
  if (!Array.isArray(secrets)) {
    throw new TypeError(
      'secrets must be an array; clientFromMetadata makes it from RFC 7591 metadata',
    );
  }
  const keys: VerificationKey[] = [];
  secrets.forEach((secret, index) => {
    try {
      expirationOf(secret);
      if (secret.type === 'FederatedIdentity' && secret.issuer === client.clientId) {
        throw new KeyError('its issuer is the client itself: give the issuer of the platform');
      }
      keys.push(...importOf(secret, client.tokenEndpointAuthMethod ?? undefined));
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      const place = `secret ${index + 1} of ${secrets.length}`;
      throw new SecretError(
        client.clientId,
        `Client ${shown(client.clientId)}, ${place} (${describeSecret(secret)}): ${error.message}.`,
      );
    }
  });
  const contradiction = contradictionIn(client, keys, hasRemoteKeys(client));
  if (contradiction !== undefined) {
    const message = `Client ${shown(client.clientId)}: ${contradiction}.`;
    throw new SecretError(client.clientId, message);
  }
  return keys;
}

/**
 * Checks a client's secrets when the client is configured or registered, so that a wrong secret is
 * refused early. Emits a process warning if all certificates of a client have expired.
 * @throws {TypeError} if `client` has no `clientId`, or `secrets` is not an array
 * @throws {SecretError} for the first secret that is a private key, an encryption key, too weak, of
 *   an unknown type or curve, or unreadable; for an unknown `alg` of the client; and for a method,
 *   `alg` and keys that can never work together
 */
export function assertClientSecrets(client: AssertionClient): void {
  const keys = checkClientSecrets(client);
  if (!hasRemoteKeys(client)) warnOfExpired(client.clientId, keys);
}
