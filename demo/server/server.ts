import type { ReplayStore } from 'passport-private-key-jwt';
import type { ClientsFile } from './clients/clients-file.js';
import type { Log } from './log.js';
import type { Settings } from './settings.js';
import type { ServerKeys } from './signing-keys.js';

/** What the authorization server is made of. */
export interface Server {
  readonly issuer: string;
  readonly settings: Settings;
  readonly clients: ClientsFile;
  readonly replay: ReplayStore;
  readonly keys: ServerKeys;
  readonly log: Log;
}

/** The URL that the endpoints are under, without a slash at its end. */
export const baseUrl = ({ issuer }: Server): string =>
  issuer.endsWith('/') ? issuer.slice(0, -1) : issuer;
