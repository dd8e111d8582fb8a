import { type RequestHandler, Router } from 'express';
import type { PushedRequests } from '../authorization/pushed-requests.js';
import type { RequestObjectPolicy } from '../authorization/request-object.js';
import { introspectionEndpoint } from '../endpoints/introspection.js';
import { pushedAuthorizationEndpoint } from '../endpoints/pushed-authorization.js';
import { revocationEndpoint } from '../endpoints/revocation.js';
import { tokenEndpoint } from '../endpoints/token.js';
import { userinfoEndpoint } from '../endpoints/userinfo.js';
import type { Tokens } from '../tokens/tokens.js';
import { allowOnly, neverCache, parseForm, readForm } from './middleware.js';

/**
 * The endpoints that clients call.
 *
 * @param authenticate what authenticates the client, for a form that was parsed
 */
export function clientRoutes(
  authenticate: RequestHandler[],
  {
    tokens,
    pushed,
    policy,
  }: {
    readonly tokens: Tokens;
    readonly pushed: PushedRequests;
    readonly policy: RequestObjectPolicy;
  },
): Router {
  const endpoints = {
    '/token': tokenEndpoint(tokens),
    '/par': pushedAuthorizationEndpoint(pushed, policy),
    '/introspect': introspectionEndpoint(tokens),
    '/revoke': revocationEndpoint(tokens),
  };
  const { issuer } = policy;
  const audiences = [issuer, `${issuer.replace(/\/$/, '')}/userinfo`];
  const router = Router();
  for (const [path, endpoint] of Object.entries(endpoints)) {
    router.all(path, neverCache, allowOnly('POST'), parseForm, authenticate, readForm, endpoint);
  }
  router.all(
    '/userinfo',
    neverCache,
    allowOnly('GET', 'POST'),
    userinfoEndpoint(tokens, audiences),
  );
  return router;
}
