import { ALGORITHMS, isAlgorithm } from '../shared/algorithms.js';
import { safeText } from '../shared/safe.js';
import { KeyError, shown } from './algorithms.js';
import { expirationOf, importSecret } from './import.js';
import type { AssertionClient, Secret } from './secret.js';

/** A secret that cannot be used. The message names the client, the secret and the reason. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly clientId: string;

  constructor(clientId: string, message: string) {
    super(message);
    this.clientId = clientId;
  }
}

/** Names a secret without telling its value. */
export function describeSecret(secret: Secret): string {
  const { type, description }: { type?: unknown; description?: unknown } = secret ?? {};
  const name = safeText(type) ?? typeof type;
  const shownDescription = safeText(description);
  return shownDescription === undefined ? name : `${name}, ${JSON.stringify(shownDescription)}`;
}

/**
 * Checks the secrets of a client when it is configured or registered, so that a weak or wrong one
 * is refused then and not when the client first calls.
 *
 * @throws {TypeError} where `secrets` is no array
 * @throws {SecretError} for the first secret that is a private key, an encryption key, too weak,
 *   of an unknown type or curve, or unreadable; and for an `alg` of the client that is not known
 */
export function assertClientSecrets(client: AssertionClient): void {
  for (const name of ['tokenEndpointAuthSigningAlg', 'requestObjectSigningAlg'] as const) {
    const alg = client[name] ?? undefined;
    if (alg === undefined || isAlgorithm(alg)) continue;
    throw new SecretError(
      client.clientId,
      `Client ${shown(client.clientId)}: its ${name} ${shown(alg)} is not known: choose from ${ALGORITHMS.join(', ')}.`,
    );
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
