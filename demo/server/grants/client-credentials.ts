import { randomUUID } from 'node:crypto';
import type { RegisteredClient } from '../clients/registered-client.js';
import { type Parameters, resourceOf } from '../parameters.js';
import { assertScopes, parseScope } from '../scopes.js';
import type { TokenResponse, Tokens } from '../tokens/tokens.js';

/** Scopes about a user: this grant has no user. */
const USER_SCOPES = ['openid', 'profile', 'email', 'offline_access'];

/** The client credentials grant (RFC 6749 §4.4). Default scope: all that the client may have. */
export async function grantClientCredentials(
  tokens: Tokens,
  client: RegisteredClient,
  parameters: Parameters,
): Promise<TokenResponse> {
  const scopes = parseScope(parameters['scope']) ?? [...client.scopes];
  assertScopes(scopes, client.scopes);
  const grant = {
    id: randomUUID(),
    clientId: client.clientId,
    resource: resourceOf(parameters),
    scopes: scopes.filter((scope) => !USER_SCOPES.includes(scope)),
  };
  return tokens.issue(grant, { refreshable: false });
}
