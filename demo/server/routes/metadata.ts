import { Router } from 'express';
import { type AuthenticationMetadata, serverMetadata } from '../endpoints/discovery.js';
import { baseUrl, type Server } from '../server.js';
import { jwkSetOf } from '../signing-keys.js';

/**
 * The server's metadata, at both its addresses. Where the issuer has a path, RFC 8414 §3.1 puts it
 * after the well-known one, OpenID Connect Discovery §4 before.
 */
export function metadataRoutes(server: Server, authentication: AuthenticationMetadata): Router {
  const base = baseUrl(server);
  const path = new URL(base).pathname.replace(/\/$/, '');
  const metadata = serverMetadata(
    server.issuer,
    base,
    server.keys,
    authentication,
    server.settings.profile,
  );
  const jwks = jwkSetOf(server.keys);

  const router = Router();
  const addresses = [
    `/.well-known/oauth-authorization-server${path}`,
    `${path}/.well-known/openid-configuration`,
  ];
  router.get(addresses, (_request, response) => {
    response.json(metadata);
  });
  // RFC 9728: the UserInfo endpoint is the one resource of this server.
  router.get(`/.well-known/oauth-protected-resource${path}/userinfo`, (_request, response) => {
    response.json({
      resource: `${base}/userinfo`,
      authorization_servers: [server.issuer],
      scopes_supported: ['openid', 'profile', 'email'],
      bearer_methods_supported: ['header'],
    });
  });
  router.get(`${path}/jwks`, (_request, response) => {
    response.type('application/jwk-set+json').send(JSON.stringify(jwks));
  });
  return router;
}
