import type { Request, RequestHandler } from 'express';
import { OAuthError } from 'passport-private-key-jwt';
import { needsLogin } from '../authorization/login-state.js';
import { openTransaction, type Transaction } from '../authorization/transactions.js';
import type { ClientsFile } from '../clients/clients-file.js';
import { isLoopback } from '../clients/registered-client.js';
import { consentPage } from '../pages/consent-page.js';
import { loginPage } from '../pages/login-page.js';
import { sendPage } from '../pages/page.js';
import { csrfTokenOf } from '../sessions/csrf.js';
import { findUser } from '../users.js';

/** The handlers of the pages that a user sees on the way. */
export interface InteractionEndpoints {
  readonly showLogin: RequestHandler;
  readonly login: RequestHandler;
  readonly showConsent: RequestHandler;
}

function requireTransaction(
  request: Request,
  id: unknown,
): { readonly id: string; readonly transaction: Transaction } {
  const transaction = openTransaction(request.session, id);
  if (transaction !== undefined) return { id: String(id), transaction };
  throw new OAuthError('invalid_request', 'The authorization request is finished or has expired.');
}

/** A new session, because an attacker may know the old id. Open transactions are kept. */
function renewSession(request: Request): Promise<void> {
  const { transactions } = request.session;
  return new Promise((resolve, reject) => {
    request.session.regenerate((error?: Error | null) => {
      if (error) {
        reject(error);
        return;
      }
      if (transactions !== undefined) request.session.transactions = transactions;
      resolve();
    });
  });
}

/** The login and consent pages. */
export function interactionEndpoints(clients: ClientsFile): InteractionEndpoints {
  const appearanceOf = async ({ clientId }: Transaction) => {
    const client = await clients.find(clientId);
    const isDocument = URL.canParse(clientId);
    return {
      clientName: client?.name ?? clientId,
      clientHost: isDocument ? new URL(clientId).host : undefined,
      isLocal: isDocument && client?.redirectUris.every(isLoopback) === true,
    };
  };
  const clientNameOf = async ({ clientId }: Transaction): Promise<string> =>
    (await clients.find(clientId))?.name ?? clientId;

  return {
    async showLogin(request, response) {
      const { id, transaction } = requireTransaction(request, request.query['transaction_id']);
      sendPage(response, {
        title: 'Log in',
        body: loginPage({
          clientName: await clientNameOf(transaction),
          transactionId: id,
          csrfToken: csrfTokenOf(request.session),
          isWrong: request.query['error'] !== undefined,
        }),
      });
    },

    async login(request, response) {
      const { id } = requireTransaction(request, request.body.transaction_id);
      const user = findUser(request.body.username);
      if (user === undefined) {
        response.redirect(303, `${request.baseUrl}/login?transaction_id=${id}&error=unknown_user`);
        return;
      }
      await renewSession(request);
      request.session.login = { sub: user.sub, at: Date.now() };
      response.redirect(303, `${request.baseUrl}/consent?transaction_id=${id}`);
    },

    async showConsent(request, response) {
      const { id, transaction } = requireTransaction(request, request.query['transaction_id']);
      const { authorization } = transaction.req;
      const { login } = request.session;
      if (login === undefined || needsLogin(login, authorization)) {
        response.redirect(303, `${request.baseUrl}/login?transaction_id=${id}`);
        return;
      }
      sendPage(response, {
        title: 'Allow access',
        body: consentPage({
          ...(await appearanceOf(transaction)),
          userName: findUser(login.sub)?.name ?? login.sub,
          scopes: authorization.scopes,
          transactionId: id,
          csrfToken: csrfTokenOf(request.session),
        }),
      });
    },
  };
}
