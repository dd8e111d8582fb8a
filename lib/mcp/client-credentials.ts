import type { ServerResponse } from 'node:http';
import {
  InvalidRequestError,
  InvalidTargetError,
  OAuthError,
  ServerError,
  UnauthorizedClientError,
} from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type {
  OAuthClientInformationFull,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Middleware } from '../shared/http.js';
import { formOf, type McpAuthentication } from './authentication.js';

/** The part of a provider that serves clients without a user; the SDK has no name for it. */
export interface ClientCredentialsGrant {
  /**
   * Issues an access token to a client that has proved itself by its key, and acts for itself (RFC
   * 6749 §4.4). The client's `grant_types` have been checked; what it may do has not. Without this
   * method the grant is not supported.
   *
   * @throws {OAuthError} of the SDK, where the client may not have what it asks for
   */
  exchangeClientCredentials?(
    client: OAuthClientInformationFull,
    scopes?: string[],
    resource?: URL,
  ): Promise<OAuthTokens>;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.end(JSON.stringify(body));
}

/** A parameter without a value counts as omitted, and none may come twice (RFC 6749 §3.2). */
function scopesOf(value: unknown): string[] | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value.split(' ');
  throw new InvalidRequestError('The parameter scope was sent more than once');
}

function resourceOf(value: unknown): URL | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && URL.canParse(value)) return new URL(value);
  throw new InvalidTargetError('The resource is not an absolute URL');
}

async function exchange(
  grant: ClientCredentialsGrant,
  client: OAuthClientInformationFull,
  { scope, resource }: Record<string, unknown>,
): Promise<OAuthTokens | undefined> {
  // Registered for nothing else than the authorization code grant, where it says nothing (RFC 7591).
  if (client.grant_types?.includes('client_credentials') !== true) {
    throw new UnauthorizedClientError('The client is not registered for client_credentials');
  }
  return grant.exchangeClientCredentials?.(client, scopesOf(scope), resourceOf(resource));
}

/** Answers token requests with the grant client_credentials, which the SDK's handler refuses. */
export function clientCredentials(
  grant: ClientCredentialsGrant,
  authentication: McpAuthentication,
): Middleware {
  return (request, response, next) => {
    const client = authentication.provedClient();
    const form = formOf(request);
    const isOurs = client !== undefined && form['grant_type'] === 'client_credentials';
    if (!isOurs || grant.exchangeClientCredentials === undefined) {
      next();
      return;
    }
    exchange(grant, client, form).then(
      (tokens) => sendJson(response, 200, tokens),
      (error: unknown) => {
        const known =
          error instanceof OAuthError ? error : new ServerError('Internal Server Error');
        sendJson(response, known instanceof ServerError ? 500 : 400, known.toResponseObject());
      },
    );
  };
}
