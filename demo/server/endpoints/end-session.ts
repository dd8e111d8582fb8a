import type { Request, RequestHandler, Response } from 'express';
import { compactVerify, decodeJwt, errors } from 'jose';
import { OAuthError } from 'passport-private-key-jwt';
import { html } from '../../shared/html.js';
import type { ClientsFile } from '../clients/clients-file.js';
import { answerPage } from '../pages/answer-pages.js';
import { sendPage } from '../pages/page.js';
import { assertNotRepeated, type Parameters, readParameters } from '../parameters.js';
import { CSRF_FIELD, csrfTokenOf } from '../sessions/csrf.js';
import type { ServerKey } from '../signing-keys.js';

/** A logout that a client asked for. */
interface LogoutRequest {
  /** The user that the client wants to log out, if it has proved that it knows them. */
  readonly sub: string | undefined;
  /** Where to send the browser afterwards. */
  readonly returnTo: URL | undefined;
}

const invalidRequest = (description: string) => new OAuthError('invalid_request', description);

/** The user and the client of an ID token of ours; it may have expired. */
async function readHint(hint: string, key: ServerKey) {
  try {
    await compactVerify(hint, key.publicKey, { algorithms: [key.alg] });
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    throw invalidRequest('The id_token_hint is not an ID token of this server.');
  }
  const { sub, aud } = decodeJwt(hint);
  return { sub, clientId: String(aud) };
}

/** The parameters of a logout, as they came. */
const PARAMETERS = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state'];

/**
 * Checks a logout request (OpenID Connect RP-Initiated Logout 1.0 §2, §3).
 *
 * @throws {OAuthError} which is for the user alone: nothing was proved about the client
 */
async function readLogout(
  parameters: Parameters,
  clients: ClientsFile,
  key: ServerKey,
): Promise<LogoutRequest> {
  const { id_token_hint, client_id, post_logout_redirect_uri, state } = parameters;
  const hint = id_token_hint === undefined ? undefined : await readHint(id_token_hint, key);
  if (hint !== undefined && client_id !== undefined && hint.clientId !== client_id) {
    throw invalidRequest('The id_token_hint was issued to another client.');
  }
  if (post_logout_redirect_uri === undefined) return { sub: hint?.sub, returnTo: undefined };
  const client = await clients.find(hint?.clientId ?? client_id ?? '');
  if (client?.postLogoutRedirectUris.includes(post_logout_redirect_uri) !== true) {
    throw invalidRequest('The post_logout_redirect_uri is not registered for the client.');
  }
  const returnTo = new URL(post_logout_redirect_uri);
  if (state !== undefined) returnTo.searchParams.set('state', state);
  return { sub: hint?.sub, returnTo };
}

function endSession(request: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    request.session.destroy((error?: Error | null) => (error ? reject(error) : resolve()));
  });
}

function leave(response: Response, { returnTo }: LogoutRequest): void {
  if (returnTo === undefined) {
    sendPage(response, { title: 'Logged out', body: html`<p>You are logged out here.</p>` });
  } else if (response.req.method === 'POST') answerPage(response, returnTo);
  else response.redirect(303, returnTo.href);
}

/** Asks the user: anyone could have sent the browser here. */
function askUser(request: Request, response: Response, parameters: Parameters): void {
  const sent = PARAMETERS.flatMap((name) => {
    const value = parameters[name];
    return value === undefined
      ? []
      : [html`<input type="hidden" name="${name}" value="${value}">\n`];
  });
  sendPage(response, {
    title: 'Log out?',
    body: html`<p>An application asks to log you out here.</p>
<form method="post" action="end-session/confirm">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfTokenOf(request.session)}">
${sent}<button type="submit">Log out</button>
</form>`,
  });
}

/** The handlers of the logout. */
export function endSessionEndpoints(
  clients: ClientsFile,
  key: ServerKey,
): { readonly endSession: RequestHandler; readonly confirm: RequestHandler } {
  const read = async (source: unknown) => {
    const sent = readParameters(source);
    assertNotRepeated(sent);
    return { parameters: sent.parameters, logout: await readLogout(sent.parameters, clients, key) };
  };
  return {
    async endSession(request, response) {
      const { parameters, logout } = await read(request.query);
      const { login } = request.session;
      if (login !== undefined && login.sub !== logout.sub) {
        askUser(request, response, parameters);
        return;
      }
      if (login !== undefined) await endSession(request);
      leave(response, logout);
    },
    async confirm(request, response) {
      const { logout } = await read(request.body);
      await endSession(request);
      leave(response, logout);
    },
  };
}
