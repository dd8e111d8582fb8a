import type { Exchange } from '../exchange.js';
import { printable } from './printable.js';

/** What happens in a request, by its method and path, and its grant type if it has one. */
const CAPTIONS: Readonly<Record<string, string>> = {
  'GET /authorize': 'The browser sends the client’s request',
  'POST /authorize': 'The browser sends the client’s request',
  'GET /login': 'The user is asked to log in',
  'POST /login': 'The user logs in',
  'GET /consent': 'The user is asked for consent',
  'POST /consent': 'The user decides',
  'POST /par': 'The client pushes its authorization request',
  'POST /token authorization_code': 'The client redeems the code',
  'POST /token refresh_token': 'The client refreshes its tokens',
  'POST /token client_credentials': 'The client asks for a token of its own',
  'GET /userinfo': 'The client asks for the user’s data',
  'POST /userinfo': 'The client asks for the user’s data',
  'POST /introspect': 'The client asks about a token',
  'POST /revoke': 'The client revokes its tokens',
};

const grantTypeOf = ({ sent }: Exchange): unknown =>
  sent.find(({ name }) => name === 'grant_type')?.value;

/** What happens in a request, in a sentence. */
export function captionOf(exchange: Exchange): string {
  if (exchange.authentication?.reason === 'replayed') return 'The client sends an assertion again';
  const endpoint = `${exchange.method} /${exchange.path.split('/').at(-1)}`;
  const caption = CAPTIONS[`${endpoint} ${grantTypeOf(exchange)}`] ?? CAPTIONS[endpoint];
  return caption ?? 'A request arrives';
}

const clientOf = ({ authentication, sent }: Exchange): unknown =>
  sent.find(({ name }) => name === 'client_id')?.value ?? authentication?.claims?.['iss'];

/** How a sequence is called: its client, its start and its length. */
export function nameOf(exchanges: readonly Exchange[]): string {
  const client = exchanges.map(clientOf).find((found) => found !== undefined);
  const time = new Date(exchanges[0]?.time ?? '').toLocaleTimeString('en-GB');
  const count = exchanges.length === 1 ? '1 request' : `${exchanges.length} requests`;
  return printable(`${client ?? 'unknown client'}, ${time}, ${count}`);
}
