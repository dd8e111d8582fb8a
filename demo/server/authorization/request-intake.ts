import type { RequestHandler } from 'express';
import { OAuthError } from 'passport-private-key-jwt';
import type { ClientsFile } from '../clients/clients-file.js';
import { hasRedirectUri, type RegisteredClient } from '../clients/registered-client.js';
import {
  assertNotRepeated,
  type Parameters,
  type ReadParameters,
  readParameters,
  requireParameter,
} from '../parameters.js';
import type { AnswerTo } from './answer.js';
import {
  type AuthorizationRequest,
  authorizationRequest,
  registeredRedirectUri,
  responseModeOf,
} from './authorization-request.js';
import type { PushedRequests } from './pushed-requests.js';
import { effectiveParameters, type RequestObjectPolicy } from './request-object.js';

declare global {
  namespace Express {
    interface Locals {
      /** Set once the client and its redirect URI are known to be good. */
      answerTo?: AnswerTo;
    }
    interface Request {
      /** The client of an authorization request, once it is known. */
      clientId?: string;
      /** Set once the authorization request is known to be good. */
      authorization?: AuthorizationRequest;
    }
  }
}

/** What the authorization endpoint depends on. */
export interface Intake {
  readonly clients: ClientsFile;
  readonly pushed: PushedRequests;
  readonly policy: RequestObjectPolicy;
}

/** The parameters that count: pushed before, signed, or sent as they are. */
async function parametersThatCount(
  { parameters }: ReadParameters,
  client: RegisteredClient,
  { pushed, policy }: Intake,
): Promise<Parameters> {
  const { request_uri } = parameters;
  if (request_uri === undefined) {
    if (client.requirePushedAuthorizationRequests || policy.fapi) {
      throw new OAuthError('invalid_request', 'The client must push its authorization requests.');
    }
    return effectiveParameters(parameters, client, policy);
  }
  if (parameters['request'] !== undefined) {
    throw new OAuthError('invalid_request', 'A request may not have both request and request_uri.');
  }
  const found = pushed.take(request_uri, client.clientId);
  if (found !== undefined) return found.parameters;
  throw new OAuthError(
    'invalid_request_uri',
    'The request_uri does not belong to a pushed request.',
  );
}

/**
 * Reads an authorization request and checks it. Until the client and its redirect URI are known to
 * be good, an error is for the user alone.
 */
export function authorizationIntake(intake: Intake): RequestHandler {
  return async (request, response, next) => {
    const sent = readParameters(request.query);
    const client = await intake.clients.find(requireParameter(sent.parameters, 'client_id'));
    // The id of an unknown client could be anything, a secret by mistake too: it is not logged.
    if (client === undefined) throw new OAuthError('invalid_request', 'The client is unknown.');
    request.clientId = client.clientId;
    const { redirect_uri = '', state } = sent.parameters;
    if (hasRedirectUri(client, redirect_uri)) {
      const responseMode = responseModeOf(sent.parameters);
      response.locals.answerTo = { redirectUri: redirect_uri, state, responseMode };
    }
    const parameters = await parametersThatCount(sent, client, intake);
    // What was beside a signed or pushed request does not count any longer.
    delete response.locals.answerTo;
    const redirectUri = registeredRedirectUri(parameters, client);
    const responseMode = responseModeOf(parameters);
    response.locals.answerTo = { redirectUri, state: parameters['state'], responseMode };

    assertNotRepeated(sent);
    request.authorization = authorizationRequest(parameters, client, intake.policy.fapi);
    // oauth2orize reads the query: it gets the request that counts.
    Object.defineProperty(request, 'query', {
      value: { ...parameters, client_id: client.clientId },
    });
    next();
  };
}
