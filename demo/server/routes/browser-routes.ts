import { Router } from 'express';
import { authorizationIntake, type Intake } from '../authorization/request-intake.js';
import { authorizationEndpoint, authorizationErrors } from '../endpoints/authorization.js';
import { interactionEndpoints } from '../endpoints/interaction.js';
import { errorPages } from '../pages/error-page.js';
import { requireCsrfToken } from '../sessions/csrf.js';
import { browserSessions } from '../sessions/session.js';
import type { Tokens } from '../tokens/tokens.js';
import { allowOnly, neverCache, parseBrowserForm } from './middleware.js';

/** The endpoints that the user's browser calls. */
export function browserRoutes(issuer: string, intake: Intake, tokens: Tokens): Router {
  const { authorize, decide } = authorizationEndpoint(issuer, intake.clients, tokens);
  const { showLogin, login, showConsent } = interactionEndpoints(intake.clients);

  const router = Router();
  const session = [neverCache, browserSessions(issuer)];
  router.all('/authorize', session, allowOnly('GET', 'POST'), parseBrowserForm);
  router.all('/authorize', authorizationIntake(intake), authorize);
  router.get('/login', session, showLogin);
  router.post('/login', session, parseBrowserForm, requireCsrfToken, login);
  router.get('/consent', session, showConsent);
  router.post('/consent', session, parseBrowserForm, requireCsrfToken, decide);
  router.use(['/authorize', '/login', '/consent'], authorizationErrors(issuer), errorPages());
  return router;
}
