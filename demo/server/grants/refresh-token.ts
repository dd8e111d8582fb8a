import type { RegisteredClient } from '../clients/registered-client.js';
import { Refusal } from '../errors.js';
import { assertResource, type Parameters, requireParameter } from '../parameters.js';
import { assertScopes, parseScope } from '../scopes.js';
import type { TokenResponse, Tokens } from '../tokens/tokens.js';

const invalidGrant = (reason: string) =>
  new Refusal('invalid_grant', 'The refresh token is not valid.', reason);

/**
 * Refreshes an access token (RFC 6749 §6). The refresh token is used up and replaced; one that comes
 * again ends its grant (RFC 9700 §4.14.2).
 */
export async function grantRefreshToken(
  tokens: Tokens,
  client: RegisteredClient,
  parameters: Parameters,
): Promise<TokenResponse> {
  const token = requireParameter(parameters, 'refresh_token');
  const used = tokens.refreshTokens.findUsed(token);
  if (used?.grant.clientId === client.clientId) {
    tokens.revokeGrant(used.grant, 'refresh_token_used_again');
    throw invalidGrant('refresh_token_used_again');
  }
  const found = tokens.findRefreshToken(token);
  if (found === undefined) throw invalidGrant('refresh_token_unknown_or_ended');
  if (found.grant.clientId !== client.clientId)
    throw invalidGrant('refresh_token_of_another_client');

  const { grant } = found;
  const scopes = parseScope(parameters['scope']) ?? grant.scopes;
  assertScopes(scopes, new Set(grant.scopes));
  assertResource(parameters, grant.resource);
  tokens.refreshTokens.use(token);
  return tokens.issue(grant, { scopes, refreshable: true });
}
