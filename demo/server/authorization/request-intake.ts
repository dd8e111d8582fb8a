import type { Request, RequestHandler } from 'express';
import { OAuthError } from 'passport-private-key-jwt';
import type { ClientsFile } from '../clients/clients-file.js';
import type { RegisteredClient } from '../clients/registered-client.js';
import {
  assertNotRepeated,
  type Parameters,
  type ReadParameters,
  readParameters,
  requireParameter,
} from '../parameters.js';
import {
  type AuthorizationRequest,
  authorizationRequest,
  registeredRedirectUri,
} from './authorization-request.js';
import type { PushedRequests } from './pushed-requests.js';
import { effectiveParameters, type RequestObjectPolicy } from './request-object.js';

/** Where the answer to an authorization request may be sent, errors included. */
export interface AnswerTo {
  readonly redirectUri: string;
  readonly state: string | undefined;
}

declare global {
  namespace Express {
    interface Locals {
      /** Set once the client and its redirect URI are known to be good. */
      answerTo?: AnswerTo;
    }
    interface Request {
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
    if (client.requirePushedAuthorizationRequests) {
      throw new OAuthError('invalid_request', 'The client must push its authorization requests.');
    }
    return effectiveParameters(parameters, client, policy);
  }
  if (parameters['request'] !== undefined) {
    throw new OAuthError('invalid_request', 'request and request_uri exclude each other.');
  }
  const found = pushed.take(request_uri, client.clientId);
  if (found !== undefined) return found.parameters;
  throw new OAuthError('invalid_request_uri', 'The request_uri is not that of a pushed request.');
}

const sourceOf = (request: Request): unknown =>
  request.method === 'POST' ? request.body : request.query;

/**
 * Reads an authorization request and checks it. Until the client and its redirect URI are known to
 * be good, an error is for the user alone.
 */
export function authorizationIntake(intake: Intake): RequestHandler {
  return async (request, response, next) => {
    const sent = readParameters(sourceOf(request));
    const client = await intake.clients.find(requireParameter(sent.parameters, 'client_id'));
    if (client === undefined) throw new OAuthError('invalid_request', 'The client is not known.');
    const { redirect_uri = '', state } = sent.parameters;
    if (client.redirectUris.includes(redirect_uri)) {
      response.locals.answerTo = { redirectUri: redirect_uri, state };
    }
    const parameters = await parametersThatCount(sent, client, intake);
    // What was beside a signed or pushed request does not count any longer.
    delete response.locals.answerTo;
    const redirectUri = registeredRedirectUri(parameters, client);
    response.locals.answerTo = { redirectUri, state: parameters['state'] };

    assertNotRepeated(sent);
    request.authorization = authorizationRequest(parameters, client);
    // oauth2orize reads the query: it gets the request that counts.
    Object.defineProperty(request, 'query', {
      value: { ...parameters, client_id: client.clientId },
    });
    next();
  };
}
