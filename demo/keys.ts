import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWK as JsonWebKey } from 'jose';

/** The key pair of a demo client. */
export interface ClientKey {
  /** The file of the private key, which only its owner can read. */
  readonly file: string;
  readonly publicJwk: JsonWebKey;
}

function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
}

/** The key of a demo client, in a folder; made at the first start. */
export async function keyOf(clientId: string, folder: string): Promise<ClientKey> {
  const file = join(folder, `${clientId}.pem`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(file, newPrivateKey(), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const publicKey = createPublicKey(await readFile(file, 'utf8'));
  return { file, publicJwk: publicKey.export({ format: 'jwk' }) as JsonWebKey };
}

/** Writes the clients for the token server. */
export async function writeClients(clients: readonly object[], folder: string): Promise<string> {
  const file = join(folder, 'clients.json');
  await writeFile(file, `${JSON.stringify(clients, null, 2)}\n`);
  return file;
}
