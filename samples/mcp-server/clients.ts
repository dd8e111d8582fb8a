import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js';
import {
  type OAuthClientInformationFull,
  OAuthClientInformationFullSchema,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { assertClientSecrets, clientFromMetadata } from 'passport-private-key-jwt';

/** Registered clients, in memory: those of a file, and those that register themselves (RFC 7591). */
export class Clients implements OAuthRegisteredClientsStore {
  readonly #clients = new Map<string, OAuthClientInformationFull>();

  constructor(clients: readonly OAuthClientInformationFull[] = []) {
    for (const client of clients) this.#clients.set(client.client_id, client);
  }

  getClient(clientId: string): OAuthClientInformationFull | undefined {
    return this.#clients.get(clientId);
  }

  registerClient(
    client: Omit<OAuthClientInformationFull, 'client_id' | 'client_id_issued_at'>,
  ): OAuthClientInformationFull {
    const registered = { client_id: randomUUID(), ...client };
    this.#clients.set(registered.client_id, registered);
    return registered;
  }
}

/**
 * Reads a JSON array of client metadata (RFC 7591).
 *
 * @throws {Error} for what is no metadata, and for keys that cannot be used
 */
export async function readClients(file: string): Promise<Clients> {
  const list = OAuthClientInformationFullSchema.array().parse(
    JSON.parse(await readFile(file, 'utf8')),
  );
  for (const client of list) assertClientSecrets(clientFromMetadata(client));
  return new Clients(list);
}
