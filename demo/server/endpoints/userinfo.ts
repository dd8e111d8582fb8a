import type { RequestHandler, Response } from 'express';
import type { Tokens } from '../tokens/tokens.js';
import { findUser, userClaims } from '../users.js';

/** RFC 6750 §3. */
function refuse(response: Response, status: number, error?: string): void {
  const challenge = error === undefined ? 'Bearer' : `Bearer error="${error}"`;
  response.status(status).set('WWW-Authenticate', challenge).end();
}

/**
 * The UserInfo endpoint (OpenID Connect Core §5.3).
 *
 * @param audiences for which of them a token may be: one for another resource is refused (RFC 8707)
 */
export function userinfoEndpoint(tokens: Tokens, audiences: readonly unknown[]): RequestHandler {
  return async (request, response) => {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      refuse(response, 401);
      return;
    }
    const claims = await tokens.accessTokens.verify(token);
    const scopes = claims?.scope?.split(' ') ?? [];
    const user = findUser(claims?.sub);
    if (claims === undefined || !audiences.includes(claims.aud))
      refuse(response, 401, 'invalid_token');
    else if (user === undefined || !scopes.includes('openid')) {
      refuse(response, 403, 'insufficient_scope');
    } else response.json(userClaims(user, scopes));
  };
}
