import type { RequestHandler } from 'express';
import { OAuthError } from 'passport-private-key-jwt';
import type { RegisteredClient } from '../clients/registered-client.js';
import { type Parameters, requireParameter } from '../parameters.js';
import type { Tokens } from '../tokens/tokens.js';

function assertOwn(owner: string, { clientId }: RegisteredClient): void {
  if (owner === clientId) return;
  throw new OAuthError('invalid_grant', 'The token was issued to another client.');
}

/**
 * The revocation endpoint (RFC 7009), for an authenticated client and a form that was read. With a
 * refresh token its whole grant ends. A token that is not known is as good as revoked.
 */
export function revocationEndpoint(tokens: Tokens): RequestHandler {
  return async (request, response) => {
    const client = request.user as RegisteredClient;
    const token = requireParameter(request.body as Parameters, 'token');
    const refreshToken = tokens.findRefreshToken(token);
    if (refreshToken !== undefined) {
      assertOwn(refreshToken.grant.clientId, client);
      tokens.revokeGrant(refreshToken.grant, 'revoked_by_client');
    } else {
      const accessToken = await tokens.accessTokens.verify(token);
      if (accessToken !== undefined) {
        assertOwn(accessToken.client_id, client);
        tokens.accessTokens.revoke(accessToken);
      }
    }
    response.status(200).end();
  };
}
