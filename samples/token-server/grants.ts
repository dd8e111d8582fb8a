// What is granted: oauth2orize with client_credentials, authorization codes with PKCE, and refresh
// tokens. All of it is in memory: put a database in place of the tables.
import { createHash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import { AuthorizationError, createServer, exchange, grant, TokenError } from 'oauth2orize';
import type { AssertionClient, ClientMetadata } from 'passport-private-key-jwt';

/** A client, ready for use, and its metadata (RFC 7591). */
export interface Client extends AssertionClient {
  readonly metadata: ClientMetadata & {
    readonly redirect_uris?: readonly string[];
    readonly client_name?: string;
    readonly grant_types?: readonly string[];
    readonly scope?: string;
  };
}

interface Grant {
  readonly clientId: string;
  readonly scope: readonly string[];
  /** The user, or the client itself. */
  readonly sub: string;
}
interface Code extends Grant {
  readonly redirectUri: string;
  readonly challenge: string;
}
const codes = new Map<string, Code>();
const accessTokens = new Map<string, Grant>();
const refreshTokens = new Map<string, Grant>();

/** Keeps a value under a random token, for a time in seconds. */
function keep<Value>(table: Map<string, Value>, value: Value, seconds: number): string {
  const token = randomBytes(32).toString('base64url');
  table.set(token, value);
  setTimeout(() => table.delete(token), seconds * 1000).unref();
  return token;
}

/** Gets a value and removes it: a token is good for one use, and only for its client. */
function take<Value extends Grant>(table: Map<string, Value>, token: string, client: Client) {
  const value = table.get(token);
  if (value?.clientId !== client.clientId) return undefined;
  table.delete(token);
  return value;
}

/** @throws {AuthorizationError} if the client may not have all of it */
function allowed({ metadata }: Client, scope: readonly string[] = []): readonly string[] {
  const has = (metadata.scope ?? '').split(' ');
  if (scope.every((name) => has.includes(name))) return scope;
  throw new AuthorizationError('The client may not have this scope.', 'invalid_scope');
}

/** The access token of a grant, and what is sent beside it. */
function issue({ clientId, scope, sub }: Grant) {
  return {
    token: keep(accessTokens, { clientId, scope, sub }, 600),
    refresh: () => keep(refreshTokens, { clientId, scope, sub }, 14 * 24 * 3600),
    more: { expires_in: 600, ...(scope.length > 0 && { scope: scope.join(' ') }) },
  };
}

const invalidGrant = () => new TokenError('The code or token is not valid.', 'invalid_grant');
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url');

/** What an access token stands for. Your API asks for it, or gets a JWT instead. */
export const findAccessToken = (token: string): Grant | undefined => accessTokens.get(token);

export const server = createServer();
server.serializeClient(({ clientId }: Client, done) => done(null, clientId));

server.exchange(
  exchange.clientCredentials({}, (client: Client, scope, _body, issued) => {
    const sub = client.clientId;
    const { token, more } = issue({ clientId: sub, sub, scope: allowed(client, scope) });
    issued(null, token, undefined, more);
  }),
);

server.exchange(
  exchange.authorizationCode({}, (client: Client, value, redirectUri, body, issued) => {
    const code = take(codes, value, client);
    const { code_verifier: verifier = '' } = body as { code_verifier?: string };
    if (code?.redirectUri !== redirectUri || sha256(verifier) !== code.challenge) {
      issued(invalidGrant());
      return;
    }
    const { token, refresh, more } = issue(code);
    issued(null, token, refresh(), more);
  }),
);

server.exchange(
  exchange.refreshToken({}, (client: Client, value, _scope, _body, issued) => {
    const granted = take(refreshTokens, value, client);
    if (granted === undefined) {
      issued(invalidGrant());
      return;
    }
    const { token, refresh, more } = issue(granted);
    issued(null, token, refresh(), more);
  }),
);

// PKCE (RFC 7636): the challenge is kept with the code.
server.grant('*', (request) => {
  const { code_challenge: challenge, code_challenge_method: method } = (request as Request).query;
  if (method === 'S256' && typeof challenge === 'string') return { challenge };
  throw new AuthorizationError('PKCE with the method S256 is required.', 'invalid_request');
});

server.grant(
  grant.code((client: Client, redirectUri, user: { sub: string }, _answer, parameters, issued) => {
    const { challenge, scope } = parameters as unknown as { challenge: string; scope?: string[] };
    const { clientId } = client;
    const { sub } = user;
    const granted = { clientId, sub, scope: allowed(client, scope), redirectUri, challenge };
    issued(null, keep(codes, granted, 60));
  }),
);
