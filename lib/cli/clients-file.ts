import type { FindClient } from '../clients/lookup.js';
import { type ClientMetadata, clientFromMetadata } from '../clients/metadata.js';
import type { AssertionClient, Secret } from '../secrets/secret.js';
import { UsageError } from './exit.js';
import { readTextFile } from './read-file.js';

/** RFC 7591 client metadata, and secrets of this library's own types besides. */
type Registration = ClientMetadata & { readonly secrets?: readonly Secret[] };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isRegistration = (value: unknown): value is Registration =>
  isObject(value) &&
  typeof value['client_id'] === 'string' &&
  (value['secrets'] === undefined ||
    (Array.isArray(value['secrets']) && value['secrets'].every(isObject)));

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, in which there may be secrets.
    throw new UsageError(`The clients file ${path} is not JSON.`);
  }
}

function clientOf(registration: Registration): AssertionClient {
  const client = clientFromMetadata(registration);
  return { ...client, secrets: [...(registration.secrets ?? []), ...client.secrets] };
}

/**
 * Reads a file of registered clients: a JSON array of client metadata (RFC 7591 §2), each of which
 * may also have `secrets: [{ type, value, description?, expiration? }]`.
 *
 * @throws {UsageError} where it is something else; the message quotes nothing of the file
 */
export async function readClientsFile(path: string): Promise<FindClient<AssertionClient>> {
  const registrations = parse(await readTextFile(path, 'The clients file'), path);
  if (!Array.isArray(registrations) || !registrations.every(isRegistration)) {
    throw new UsageError(
      `The clients file ${path} must be an array of client metadata, each with a client_id, and with secrets as an array of objects if it has any.`,
    );
  }
  const clients = new Map(registrations.map((one) => [one.client_id, clientOf(one)]));
  return (clientId) => clients.get(clientId);
}
