import { Router } from 'express';
import { authorizationIntake, type Intake } from '../authorization/request-intake.js';
import { authorizationEndpoint, authorizationErrors } from '../endpoints/authorization.js';
import { endSessionEndpoints } from '../endpoints/end-session.js';
import { interactionEndpoints } from '../endpoints/interaction.js';
import { logErrors } from '../errors.js';
import type { Log } from '../log.js';
import { errorPages } from '../pages/error-page.js';
import { requireCsrfToken } from '../sessions/csrf.js';
import { browserSessions } from '../sessions/session.js';
import type { ServerKey } from '../signing-keys.js';
import type { Tokens } from '../tokens/tokens.js';
import { allowOnly, formToQuery, neverCache, parseBrowserForm } from './middleware.js';

/** The endpoints that the user's browser calls. */
export function browserRoutes({
  issuer,
  idTokenKey,
  intake,
  tokens,
  log,
}: {
  readonly issuer: string;
  readonly idTokenKey: ServerKey;
  readonly intake: Intake;
  readonly tokens: Tokens;
  readonly log: Log;
}): Router {
  const { authorize, decide } = authorizationEndpoint(issuer, intake.clients, tokens);
  const { showLogin, login, showConsent } = interactionEndpoints(intake.clients);
  const { endSession, confirm } = endSessionEndpoints(intake.clients, idTokenKey);

  const router = Router();
  const session = [neverCache, browserSessions(issuer)];
  router.all('/authorize', neverCache, allowOnly('GET', 'POST'), parseBrowserForm, formToQuery);
  router.get('/authorize', session, authorizationIntake(intake), authorize);
  router.get('/login', session, showLogin);
  router.post('/login', session, parseBrowserForm, requireCsrfToken, login);
  router.get('/consent', session, showConsent);
  router.post('/consent', session, parseBrowserForm, requireCsrfToken, decide);
  router.all('/end-session', neverCache, allowOnly('GET', 'POST'), parseBrowserForm, formToQuery);
  router.get('/end-session', session, endSession);
  router.post('/end-session/confirm', session, parseBrowserForm, requireCsrfToken, confirm);
  router.use(
    ['/authorize', '/login', '/consent', '/end-session'],
    logErrors(log),
    authorizationErrors(issuer),
    errorPages(),
  );
  return router;
}
