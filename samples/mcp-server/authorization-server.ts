// oauth2orize with PKCE (RFC 7636), `resource` (RFC 8707) and `iss` (RFC 9207), all in memory.
import { createHash, randomBytes } from 'node:crypto';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { AuthorizationError, createServer, exchange, grant, TokenError } from 'oauth2orize';
import { type AssertionClient, type ClientMetadata, OAuthError } from 'passport-private-key-jwt';

export interface Client extends AssertionClient {
  readonly metadata: ClientMetadata & {
    readonly redirect_uris?: readonly string[] | undefined;
    readonly [member: string]: unknown;
  };
}
interface Grant {
  readonly clientId: string;
  readonly sub: string;
}
interface Transaction {
  readonly redirectURI?: string;
  readonly req?: { readonly state?: string };
}
interface Asked {
  readonly clientID: string;
  readonly redirectURI: string;
  readonly challenge: unknown;
  readonly resource: unknown;
}

const codes = new Map<string, Grant & { redirectUri: string; challenge: string }>();
const refreshTokens = new Map<string, Grant>();
const accessTokens = new Map<string, Grant & { expiresAt: number }>();

/** Keeps a value under a random token. */
function keep<Value>(table: Map<string, Value>, value: Value, seconds: number): string {
  const token = randomBytes(32).toString('base64url');
  table.set(token, value);
  setTimeout(() => table.delete(token), seconds * 1000).unref();
  return token;
}

/** Takes a value out: each is good for one use, and only for its client. */
function take<Value extends Grant>(table: Map<string, Value>, token: string, client: Client) {
  const value = table.get(token);
  if (value?.clientId !== client.clientId) throw new TokenError('Not valid.', 'invalid_grant');
  table.delete(token);
  return value;
}

function issue({ clientId, sub }: Grant): string {
  const expiresAt = Math.floor(Date.now() / 1000) + 600;
  return keep(accessTokens, { clientId, sub, expiresAt }, 600);
}
const refreshTokenOf = (granted: Grant) => keep(refreshTokens, granted, 14 * 86_400);
const more = { expires_in: 600, scope: 'tools' };

/** What a token stands for; the MCP server asks. */
export const findToken = (token: string) => accessTokens.get(token);

/** A native app may take any port of its user's machine (RFC 8252 §7.3). */
const withoutPort = (uri: string) =>
  uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)):\d+(?=\/|$)/, '$1');

/** @param find a lookup of clients; `resource` is all that tokens are issued for */
export function authorizationServer(
  issuer: string,
  resource: string,
  find: (clientId: string) => Promise<Client | undefined>,
) {
  const server = createServer();
  server.serializeClient(({ clientId }: Client, done) => done(null, clientId));
  server.deserializeClient((id: string, done) => {
    find(id).then((client) => done(null, client ?? false), done);
  });
  const checkResource = ({ resource: asked = resource }: { resource?: unknown }) => {
    if (asked !== resource) throw new TokenError('There is no such resource.', 'invalid_target');
  };
  const sendAnswer = (
    { redirectURI }: { redirectURI: string },
    response: unknown,
    said: object,
  ) => {
    const url = new URL(redirectURI);
    for (const [name, value] of Object.entries({ ...said, iss: issuer })) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    (response as Response).redirect(url.href);
  };

  server.grant('*', (request) => {
    const { code_challenge, code_challenge_method, resource } = (request as Request).query;
    return { challenge: code_challenge_method === 'S256' ? code_challenge : undefined, resource };
  });
  server.grant(
    grant.code(
      { modes: { query: sendAnswer } },
      (client: Client, redirectUri, { sub }: { sub: string }, _answer, parameters, issued) => {
        const { challenge } = parameters as unknown as { challenge: string };
        issued(null, keep(codes, { clientId: client.clientId, sub, redirectUri, challenge }, 60));
      },
    ),
  );
  server.exchange(
    exchange.authorizationCode({}, (client: Client, value, redirectUri, body, issued) => {
      const code = take(codes, value, client);
      const { code_verifier = '' } = body as { code_verifier?: string };
      const challenge = createHash('sha256').update(code_verifier).digest('base64url');
      if (code.redirectUri !== redirectUri || code.challenge !== challenge) {
        throw new TokenError('Not valid.', 'invalid_grant');
      }
      checkResource(body as object);
      issued(null, issue(code), refreshTokenOf(code), more);
    }),
  );
  server.exchange(
    exchange.refreshToken({}, (client: Client, value, _scope, body, issued) => {
      checkResource(body as object);
      const granted = take(refreshTokens, value, client);
      issued(null, issue(granted), refreshTokenOf(granted), more);
    }),
  );
  server.exchange(
    exchange.clientCredentials({}, (client: Client, _scope, body, issued) => {
      checkResource(body as object);
      issued(null, issue({ clientId: client.clientId, sub: client.clientId }), undefined, more);
    }),
  );
  /** Finds the client, and checks where the answer goes; then the client may learn of errors. */
  const validate = (asked: Asked, done: (...result: unknown[]) => void) => {
    find(asked.clientID).then((client) => {
      const known = client?.metadata.redirect_uris?.map(withoutPort) ?? [];
      if (!known.includes(withoutPort(asked.redirectURI ?? ''))) return done(null, false);
      const isComplete =
        typeof asked.challenge === 'string' && (asked.resource ?? resource) === resource;
      const error = new AuthorizationError('PKCE (S256) or resource is wrong.', 'invalid_request');
      done(isComplete ? null : error, client, asked.redirectURI);
    }, done);
  };
  /** Errors go to the client if it is known where to. */
  const answerErrors: ErrorRequestHandler = (error, request, response, next) => {
    const { redirectURI, req } = (request as { oauth2?: Transaction }).oauth2 ?? {};
    const isKnown = error instanceof TokenError || error instanceof AuthorizationError;
    if (!isKnown) next(error);
    else if (redirectURI === undefined) next(new OAuthError(error.code, error.message));
    else sendAnswer({ redirectURI }, response, { error: error.code, state: req?.state });
  };
  return { server, validate, answerErrors };
}
