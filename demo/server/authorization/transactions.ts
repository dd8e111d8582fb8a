import type { IncomingMessage } from 'node:http';
import type { Session, SessionData } from 'express-session';
import { OAuthError } from 'passport-private-key-jwt';
import type { ClientsFile } from '../clients/clients-file.js';
import { hasRedirectUri, type RegisteredClient } from '../clients/registered-client.js';
import { randomToken } from '../random.js';
import type { GrantUser } from '../tokens/grant.js';
import type { AuthorizationRequest } from './authorization-request.js';

/** How many authorization requests one browser can have open; the oldest goes first. */
const MAX_OPEN = 10;

/** An authorization request that waits for the user to log in and to decide. */
export interface Transaction {
  readonly clientId: string;
  readonly redirectURI: string;
  readonly req: AuthorizationParameters;
}

/** What oauth2orize keeps of an authorization request, and what we add to it. */
export interface AuthorizationParameters {
  readonly type: string;
  readonly clientID: string;
  readonly redirectURI: string;
  readonly state?: string;
  readonly responseMode?: string;
  readonly authorization: AuthorizationRequest;
}

/** What oauth2orize hands to its callbacks, and sets as `request.oauth2`. */
export interface LoadedTransaction {
  readonly client: RegisteredClient;
  readonly redirectURI: string;
  readonly req: AuthorizationParameters;
  readonly user?: GrantUser;
  readonly transactionID?: string;
}

interface SessionRequest extends IncomingMessage {
  readonly ip?: string | undefined;
  readonly session: Session & Partial<SessionData>;
  readonly body?: { readonly transaction_id?: unknown };
}

type Done<T = never> = (error: unknown, value?: T) => void;

/** The transaction of a session with an id that anybody may have written. */
export function openTransaction(
  { transactions = {} }: Partial<SessionData>,
  id: unknown,
): Transaction | undefined {
  return typeof id === 'string' && Object.hasOwn(transactions, id) ? transactions[id] : undefined;
}

const forbidden = (description: string) => new OAuthError('invalid_request', description, 403);

/** Keeps oauth2orize's transactions in the browser's session, and only a few of them. */
export class TransactionStore {
  private readonly clients: ClientsFile;

  constructor(clients: ClientsFile) {
    this.clients = clients;
  }

  store({ session, ip }: SessionRequest, transaction: LoadedTransaction, done: Done<string>): void {
    const { client, redirectURI, req } = transaction;
    const id = randomToken();
    const open = Object.entries(session.transactions ?? {}).slice(1 - MAX_OPEN);
    const added: Transaction = { clientId: client.clientId, redirectURI, req };
    session.transactions = Object.fromEntries([...open, [id, added]]);
    session.address = ip ?? '';
    done(null, id);
  }

  load({ session, body }: SessionRequest, done: Done<LoadedTransaction>): void {
    const id = body?.transaction_id;
    const transaction = openTransaction(session, id);
    if (transaction === undefined) {
      done(forbidden('The authorization request is finished or has expired.'));
      return;
    }
    const { clientId, redirectURI, req } = transaction;
    this.clients.find(clientId).then((client) => {
      if (client !== undefined && hasRedirectUri(client, redirectURI)) {
        done(null, { client, redirectURI, req, transactionID: String(id) });
      } else {
        done(forbidden('The client no longer exists.'));
      }
    }, done);
  }

  remove({ session }: SessionRequest, id: string, done: Done): void {
    const { [id]: _removed, ...others } = session.transactions ?? {};
    session.transactions = others;
    done(null);
  }
}
