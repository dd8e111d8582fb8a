import type { RequestHandler } from 'express';
import { OAuthError } from 'passport-private-key-jwt';
import type { RegisteredClient } from '../clients/registered-client.js';
import { type Parameters, requireParameter } from '../parameters.js';
import type { Tokens } from '../tokens/tokens.js';

type Introspection = Readonly<Record<string, unknown>> & { readonly client_id: string };

async function introspect(tokens: Tokens, token: string): Promise<Introspection | undefined> {
  const found = tokens.findRefreshToken(token);
  if (found !== undefined) {
    const { grant, issuedAt, expiresAt } = found;
    return {
      client_id: grant.clientId,
      sub: grant.user?.sub,
      scope: grant.scopes.join(' '),
      iat: issuedAt,
      exp: expiresAt,
    };
  }
  const claims = await tokens.accessTokens.verify(token);
  if (claims === undefined) return undefined;
  const { grant_id, auth_time, ...rest } = claims;
  return { ...rest, token_type: 'Bearer' };
}

/**
 * The introspection endpoint (RFC 7662), for an authenticated client and a form that was read. A
 * client learns of its own tokens only; another's looks like one that does not exist.
 */
export function introspectionEndpoint(tokens: Tokens): RequestHandler {
  return async (request, response) => {
    const { clientId, tokenEndpointAuthMethod } = request.user as RegisteredClient;
    if (tokenEndpointAuthMethod === 'none') {
      throw new OAuthError('invalid_client', 'Client authentication failed.', 401);
    }
    const token = requireParameter(request.body as Parameters, 'token');
    const found = await introspect(tokens, token);
    response.json(found?.client_id === clientId ? { active: true, ...found } : { active: false });
  };
}
