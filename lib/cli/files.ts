import type { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { FindClient } from '../clients/lookup.js';
import { type ClientMetadata, clientFromMetadata } from '../clients/metadata.js';
import type { AssertionClient, Secret } from '../keys/secret.js';
import { CommandError, UsageError } from './usage.js';

/** `what` names the kind of file, for the error. */
export async function readBytes(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${what} ${path} cannot be read (${code}).`);
  }
}

/** The same for a file with text. */
export const readTextFile = async (path: string, what: string): Promise<string> =>
  (await readBytes(path, what)).toString('utf8');

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

/** Replaces by rename: mode and links of old files are not kept. Checks all before any write. */
export async function writePrivateFiles(files: readonly NewFile[], force: boolean): Promise<void> {
  for (const { path } of files) {
    if (force || !(await exists(path))) continue;
    throw new CommandError(
      `${path} already exists: choose another --out, or replace the file with --force.`,
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

/** RFC 7591, plus optional secrets of this library's types. */
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
    // The parser's message quotes the text, which may contain secrets.
    throw new UsageError(`The clients file ${path} is not JSON.`);
  }
}

const ofKeygen = (entry: unknown): unknown =>
  isObject(entry) && isClient(entry['client']) ? entry['client'] : entry;

function clientOf(printed: unknown, mistake: string): AssertionClient {
  const entry = ofKeygen(printed);
  if (isClient(entry)) return entry;
  if (!isRegistration(entry)) throw new UsageError(mistake);
  const client = clientFromMetadata(entry);
  return { ...client, secrets: [...(entry.secrets ?? []), ...client.secrets] };
}

/** Clients, client metadata (RFC 7591 §2) or output of `keygen`. Errors never quote the file. */
export async function readClients(path: string): Promise<readonly AssertionClient[]> {
  const text = await readTextFile(path, 'The clients file');
  const content = parse(text.replace(/^\uFEFF/, ''), path);
  const entries: readonly unknown[] = Array.isArray(content) ? content : [content];
  const mistake = `The clients file ${path} must be a client or an array of clients: metadata (RFC 7591) with a client_id, an object with clientId and secrets, or the output of keygen --client-id --json. Secrets are an array of objects.`;
  return entries.map((entry) => clientOf(entry, mistake));
}

/** The ids that several clients have. */
export function repeatedIds(clients: readonly AssertionClient[]): readonly string[] {
  const ids = clients.map(({ clientId }) => clientId);
  return [...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))];
}

/** @throws {UsageError} as `readClients` does, and if two clients have one id */
export async function readClientsFile(path: string): Promise<FindClient<AssertionClient>> {
  const all = await readClients(path);
  const [repeated] = repeatedIds(all);
  if (repeated !== undefined) {
    throw new UsageError(`The clients file ${path} has several clients with the id ${repeated}.`);
  }
  const clients = new Map(all.map((client) => [client.clientId, client]));
  return (clientId) => clients.get(clientId);
}
