import type { FindClient } from '../clients/lookup.js';
import { type ClientMetadata, clientFromMetadata } from '../clients/metadata.js';
import type { AssertionClient, Secret } from '../keys/secret.js';
import { UsageError } from './exit.js';
import { readTextFile } from './read-file.js';

/** RFC 7591 client metadata, and secrets of this library's own types besides. */
type Registration = ClientMetadata & { readonly secrets?: readonly Secret[] };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isListOfObjects = (value: unknown): boolean => Array.isArray(value) && value.every(isObject);

const isRegistration = (value: unknown): value is Registration =>
  isObject(value) &&
  typeof value['client_id'] === 'string' &&
  (value['secrets'] === undefined || isListOfObjects(value['secrets']));

const isClient = (value: unknown): value is AssertionClient =>
  isObject(value) && typeof value['clientId'] === 'string' && isListOfObjects(value['secrets']);

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, in which there may be secrets.
    throw new UsageError(`The clients file ${path} is not JSON.`);
  }
}

/** @throws {UsageError} with `mistake` where it is no client */
function clientOf(entry: unknown, mistake: string): AssertionClient {
  if (isClient(entry)) return entry;
  if (!isRegistration(entry)) throw new UsageError(mistake);
  const client = clientFromMetadata(entry);
  return { ...client, secrets: [...(entry.secrets ?? []), ...client.secrets] };
}

/**
 * Reads a file of registered clients: a JSON array of them, or a single one. Each is client metadata
 * (RFC 7591 §2), which may also have `secrets: [{ type, value, description?, expiration? }]`, or an
 * `AssertionClient`.
 *
 * @throws {UsageError} where it is something else; the message quotes nothing of the file
 */
export async function readClientsFile(path: string): Promise<FindClient<AssertionClient>> {
  const content = parse(await readTextFile(path, 'The clients file'), path);
  const entries: readonly unknown[] = Array.isArray(content) ? content : [content];
  const mistake = `The clients file ${path} must be a client or an array of clients: metadata (RFC 7591) with a client_id, or an object with clientId and secrets. Where there are secrets they are an array of objects.`;
  const clients = new Map(
    entries.map((entry) => {
      const client = clientOf(entry, mistake);
      return [client.clientId, client];
    }),
  );
  return (clientId) => clients.get(clientId);
}
