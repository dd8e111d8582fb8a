import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { AuthorizationError, createServer, grant, type ValidateDoneFunction } from 'oauth2orize';
import { answerClient, type ResponseMode } from '../authorization/answer.js';
import { needsConsent, needsLogin } from '../authorization/login-state.js';
import {
  type AuthorizationParameters,
  type LoadedTransaction,
  openTransaction,
  TransactionStore,
} from '../authorization/transactions.js';
import type { ClientsFile } from '../clients/clients-file.js';
import type { RegisteredClient } from '../clients/registered-client.js';
import { toOAuthError } from '../errors.js';
import type { GrantUser } from '../tokens/grant.js';
import type { Tokens } from '../tokens/tokens.js';

type Interaction = 'login' | 'consent';

/** oauth2orize's parameters of a request that has just come. */
interface FreshParameters extends AuthorizationParameters {
  /** What the user must do first. */
  readonly interaction: Interaction | undefined;
}

function interactionOf(request: Request): Interaction | undefined {
  const { authorization, session } = request;
  if (authorization === undefined) throw new Error('The request was not read.');
  if (needsLogin(session.login, authorization)) return 'login';
  const { client_id } = request.query;
  return needsConsent(session, String(client_id), authorization) ? 'consent' : undefined;
}

/** Adds to what oauth2orize reads of a request (OpenID Connect Core §3.1.2.1 and §3.1.2.6). */
function readFurther(incoming: IncomingMessage): Partial<FreshParameters> {
  const request = incoming as Request;
  const { authorization } = request;
  const interaction = interactionOf(request);
  if (interaction !== undefined && authorization?.prompt.includes('none')) {
    throw new AuthorizationError('The user must see a page first.', `${interaction}_required`);
  }
  return {
    interaction,
    ...(authorization !== undefined && { authorization, responseMode: authorization.responseMode }),
  };
}

/** Who is logged in, for oauth2orize. */
const setUser: RequestHandler = (request, _response, next) => {
  const { login } = request.session;
  if (login !== undefined) {
    const user: GrantUser = { sub: login.sub, authTime: Math.floor(login.at / 1000) };
    request.user = user;
  }
  next();
};

/** Leads the user to the page that comes next. */
const interact: RequestHandler = (request, response) => {
  const { req, transactionID } = (request as { oauth2?: LoadedTransaction }).oauth2 ?? {};
  const page = (req as FreshParameters | undefined)?.interaction ?? 'login';
  response.redirect(303, `${request.baseUrl}/${page}?transaction_id=${transactionID}`);
};

/** The user can decide only after the login that the client asked for. */
const requireLogin: RequestHandler = (request, response, next) => {
  const id: unknown = request.body?.transaction_id;
  const transaction = openTransaction(request.session, id);
  if (
    transaction !== undefined &&
    needsLogin(request.session.login, transaction.req.authorization)
  ) {
    response.redirect(303, `${request.baseUrl}/login?transaction_id=${id}`);
    return;
  }
  if (transaction !== undefined && !request.body.cancel) {
    const { clientId, req } = transaction;
    const { consents = {} } = request.session;
    request.session.consents = { ...consents, [clientId]: req.authorization.scopes };
  }
  next();
};

/** The authorization endpoint (RFC 6749 §3.1) and the answer to its consent page. */
export function authorizationEndpoint(
  issuer: string,
  clients: ClientsFile,
  tokens: Tokens,
): { readonly authorize: RequestHandler[]; readonly decide: RequestHandler[] } {
  const answerIn =
    (responseMode: ResponseMode) =>
    (
      { redirectURI }: { readonly redirectURI: string },
      response: ServerResponse,
      parameters: Readonly<Record<string, unknown>>,
    ): void => {
      const answerTo = { redirectUri: redirectURI, responseMode };
      answerClient(response as Response, answerTo, issuer, parameters);
    };
  const server = createServer({ store: new TransactionStore(clients) });
  server.grant('*', readFurther);
  server.grant(
    grant.code(
      {
        // The types know of query alone.
        modes: { query: answerIn('query'), ...{ form_post: answerIn('form_post') } },
      },
      (client: RegisteredClient, redirectUri, user: GrantUser, _answer, parameters, issued) => {
        const { authorization } = parameters as unknown as AuthorizationParameters;
        const { scopes, codeChallenge, nonce, resource } = authorization;
        const granted = { id: randomUUID(), clientId: client.clientId, scopes, user, resource };
        issued(null, tokens.codes.issue({ grant: granted, redirectUri, codeChallenge, nonce }));
      },
    ),
  );
  const authorize = server.authorization(
    (clientId: string, redirectUri: string, validated: ValidateDoneFunction) => {
      clients
        .find(clientId)
        .then((client) => validated(null, client ?? false, redirectUri), validated);
    },
    (_client, _user, _scope, _type, parameters: FreshParameters, done) =>
      done(null, parameters.interaction === undefined, undefined, undefined),
  );
  return {
    authorize: [setUser, authorize, interact],
    decide: [requireLogin, setUser, server.decision()],
  };
}

/** Tells the client of an error (RFC 6749 §4.1.2.1), once it is known where to. */
export function authorizationErrors(issuer: string): ErrorRequestHandler {
  return (error, _request, response, next) => {
    const { answerTo } = response.locals;
    const known = toOAuthError(error);
    if (answerTo === undefined || known === undefined || response.headersSent) {
      next(error);
      return;
    }
    answerClient(response, answerTo, issuer, {
      error: known.error,
      error_description: known.message,
      state: answerTo.state,
    });
  };
}
