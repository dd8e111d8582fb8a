import { readFile, stat } from 'node:fs/promises';
import { clientMetadataDocuments, SecretError } from 'passport-private-key-jwt';
import type { Log } from '../log.js';
import type { Settings } from '../settings.js';
import {
  ClientsFileError,
  documentClient,
  type RegisteredClient,
  registeredClient,
} from './registered-client.js';

/** Which metadata documents are fetched, and how their clients may authenticate. */
type DocumentSettings = Pick<Settings, 'allowedNetworks' | 'profile'>;

type Clients = ReadonlyMap<string, RegisteredClient>;

function parse(text: string): Clients {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    throw new ClientsFileError('The file is not JSON.');
  }
  if (!Array.isArray(entries)) throw new ClientsFileError('The file must hold a JSON array.');
  const clients = new Map<string, RegisteredClient>();
  for (const entry of entries) {
    const client = registeredClient(entry);
    if (clients.has(client.clientId)) {
      throw new ClientsFileError(`Client ${JSON.stringify(client.clientId)} is in the file twice.`);
    }
    clients.set(client.clientId, client);
  }
  return clients;
}

const errorCode = (error: NodeJS.ErrnoException): string => error.code ?? error.message;

/** Why the file cannot be used, as a sentence. */
function explain(error: unknown): string {
  if (error instanceof ClientsFileError || error instanceof SecretError) return error.message;
  return `It cannot be read (${errorCode(error as NodeJS.ErrnoException)}).`;
}

/**
 * The clients, in a JSON file: an array of client metadata (RFC 7591 §2). A changed file takes
 * effect with the next lookup; one that cannot be used is logged, and the last good one stays.
 */
export class ClientsFile {
  private readonly path: string;
  private readonly log: Log;
  private clients: Clients = new Map();
  private version = '';
  private reading: Promise<void> | undefined;

  private readonly findAny: ReturnType<typeof clientMetadataDocuments<RegisteredClient>>;

  private constructor(path: string, log: Log, { allowedNetworks, profile }: DocumentSettings) {
    this.path = path;
    this.log = log;
    const methods = profile === 'fapi2' ? ['private_key_jwt'] : ['private_key_jwt', 'none'];
    this.findAny = clientMetadataDocuments<RegisteredClient>(
      { allowedNetworks, methods },
      (clientId) => this.findInFile(clientId),
    );
  }

  /** @throws {ClientsFileError} if the file cannot be used; the message says why */
  static async open(path: string, log: Log, settings: DocumentSettings): Promise<ClientsFile> {
    const file = new ClientsFile(path, log, settings);
    try {
      file.version = await file.currentVersion();
      file.clients = parse(await readFile(path, 'utf8'));
    } catch (error) {
      throw new ClientsFileError(`CLIENTS_FILE ${path}: ${explain(error)}`);
    }
    return file;
  }

  /** Finds a client by its id: in the file, or by its metadata document if the id is its URL. */
  async find(clientId: string): Promise<RegisteredClient | undefined> {
    const client = (await this.findAny(clientId, undefined)) ?? undefined;
    return client === undefined || 'redirectUris' in client ? client : documentClient(client);
  }

  private async findInFile(clientId: string): Promise<RegisteredClient | undefined> {
    const version = await this.currentVersion().catch(errorCode);
    if (version !== this.version) {
      // Noted before the file is read: a change while it is read is another version.
      this.version = version;
      this.reading = this.read();
    }
    await this.reading;
    return this.clients.get(clientId);
  }

  private async currentVersion(): Promise<string> {
    const { ino, size, mtimeNs, ctimeNs } = await stat(this.path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  }

  private async read(): Promise<void> {
    try {
      this.clients = parse(await readFile(this.path, 'utf8'));
      this.log('clients_file', { outcome: 'read', clients: this.clients.size });
    } catch (error) {
      this.log('clients_file', { outcome: 'kept_last_good', message: explain(error) });
    }
  }
}
