import type { RequestHandler } from 'express';
import { OAuthError } from 'passport-private-key-jwt';
import {
  authorizationRequest,
  registeredRedirectUri,
} from '../authorization/authorization-request.js';
import { PUSHED_REQUEST_LIFETIME, type PushedRequests } from '../authorization/pushed-requests.js';
import { effectiveParameters, type RequestObjectPolicy } from '../authorization/request-object.js';
import type { RegisteredClient } from '../clients/registered-client.js';
import type { Parameters } from '../parameters.js';

/** What proves the client and is no part of the authorization request. */
const AUTHENTICATION = ['client_assertion', 'client_assertion_type', 'client_secret'];

/**
 * The pushed authorization request endpoint (PAR, RFC 9126 §2), for an authenticated client and a
 * form that was read. The request is checked now, as at the authorization endpoint.
 */
export function pushedAuthorizationEndpoint(
  pushed: PushedRequests,
  policy: RequestObjectPolicy,
): RequestHandler {
  return async (request, response) => {
    const client = request.user as RegisteredClient;
    const { clientId } = client;
    const form = request.body as Parameters;
    if (form['request_uri'] !== undefined) {
      throw new OAuthError('invalid_request', 'A pushed request may not contain request_uri.');
    }
    if ((form['client_id'] ?? clientId) !== clientId) {
      throw new OAuthError('invalid_request', 'The client_id belongs to another client.');
    }
    const sent = Object.entries(form).filter(([name]) => !AUTHENTICATION.includes(name));
    const parameters = await effectiveParameters(Object.fromEntries(sent), client, policy);
    registeredRedirectUri(parameters, client);
    authorizationRequest(parameters, client, policy.fapi);
    response.status(201).json({
      request_uri: pushed.push({ clientId, parameters }),
      expires_in: PUSHED_REQUEST_LIFETIME,
    });
  };
}
