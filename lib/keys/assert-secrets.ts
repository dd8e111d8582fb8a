import { ALGORITHMS } from '../shared/algorithms.js';
import { KeyError, shown } from './algorithms.js';
import { importSecret } from './import.js';
import { cannotVerify, isVerifiable } from './jwk.js';
import { type AssertionClient, describeSecret, expirationOf, type Secret } from './secret.js';

/** A secret that cannot be used. The message names the client, the secret and the reason. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly code = 'secret_refused';
  readonly clientId: string;

  constructor(clientId: string, message: string) {
    super(message);
    this.clientId = clientId;
  }
}

/**
 * Checks the secrets of a client when it is configured or registered, so that a weak or wrong one
 * is refused then and not when the client first calls.
 *
 * @throws {TypeError} if `secrets` is no array
 * @throws {SecretError} for the first secret that is a private key, an encryption key, too weak,
 *   of an unknown type or curve, or unreadable; and for an `alg` of the client that is not known
 */
export function assertClientSecrets(client: AssertionClient): void {
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
  const secrets: readonly Secret[] = client.secrets ?? [];
  if (!Array.isArray(secrets)) {
    throw new TypeError(
      'secrets must be an array; clientFromMetadata makes it of RFC 7591 metadata',
    );
  }
  secrets.forEach((secret, index) => {
    try {
      expirationOf(secret);
      importSecret(secret);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      const place = `secret ${index + 1} of ${secrets.length}`;
      throw new SecretError(
        client.clientId,
        `Client ${shown(client.clientId)}, ${place} (${describeSecret(secret)}): ${error.message}.`,
      );
    }
  });
}
