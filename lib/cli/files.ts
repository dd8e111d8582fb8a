import { randomUUID } from 'node:crypto';
import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { FindClient } from '../clients/lookup.js';
import { type ClientMetadata, clientFromMetadata } from '../clients/metadata.js';
import type { AssertionClient, Secret } from '../keys/secret.js';
import { CommandError, UsageError } from './usage.js';

/**
 * Reads a file that the user named.
 *
 * @param what what the file is, for the error
 * @throws {UsageError} where it cannot be read
 */
export async function readTextFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${what} ${path} cannot be read (${code}).`);
  }
}

/** A file to write, and what goes into it. */
export interface NewFile {
  readonly path: string;
  readonly content: string;
}

const OWNER_ONLY = 0o600;

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** A new file takes the old one's place, so that neither its mode nor a link of it lives on. */
async function replace({ path, content }: NewFile): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, content, { mode: OWNER_ONLY, flag: 'wx' });
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const create = ({ path, content }: NewFile): Promise<void> =>
  writeFile(path, content, { mode: OWNER_ONLY, flag: 'wx' });

/**
 * Writes files that their owner alone may read and write.
 *
 * @param force whether files that are there are replaced
 * @throws {CommandError} where a file is there, before any is written, or cannot be written
 */
export async function writePrivateFiles(files: readonly NewFile[], force: boolean): Promise<void> {
  for (const { path } of files) {
    if (force || !(await exists(path))) continue;
    throw new CommandError(
      `${path} is there already: choose another --out, or replace it by --force.`,
    );
  }
  for (const file of files) {
    try {
      await (force ? replace(file) : create(file));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new CommandError(`${file.path} cannot be written (${code}).`);
    }
  }
}

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

/** What `keygen --client-id x --json` prints: the client stands in a member of it. */
const ofKeygen = (entry: unknown): unknown =>
  isObject(entry) && isClient(entry['client']) ? entry['client'] : entry;

/** @throws {UsageError} with `mistake` if it is no client */
function clientOf(printed: unknown, mistake: string): AssertionClient {
  const entry = ofKeygen(printed);
  if (isClient(entry)) return entry;
  if (!isRegistration(entry)) throw new UsageError(mistake);
  const client = clientFromMetadata(entry);
  return { ...client, secrets: [...(entry.secrets ?? []), ...client.secrets] };
}

/**
 * Reads a file of registered clients: a JSON array of them, or a single one. Each is client metadata
 * (RFC 7591 §2), which may also have `secrets: [{ type, value, description?, expiration? }]`, an
 * `AssertionClient`, or what `keygen --client-id` prints as JSON.
 *
 * @throws {UsageError} if it is something else; the message quotes nothing of the file
 */
export async function readClients(path: string): Promise<readonly AssertionClient[]> {
  const text = await readTextFile(path, 'The clients file');
  const content = parse(text.replace(/^\uFEFF/, ''), path);
  const entries: readonly unknown[] = Array.isArray(content) ? content : [content];
  const mistake = `The clients file ${path} must be a client or an array of clients: metadata (RFC 7591) with a client_id, an object with clientId and secrets, or the output of keygen --client-id --json. Secrets are an array of objects.`;
  return entries.map((entry) => clientOf(entry, mistake));
}

/** The same, as the lookup of a server. */
export async function readClientsFile(path: string): Promise<FindClient<AssertionClient>> {
  const clients = new Map((await readClients(path)).map((client) => [client.clientId, client]));
  return (clientId) => clients.get(clientId);
}
