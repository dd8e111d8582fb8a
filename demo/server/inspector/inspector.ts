import { type RequestHandler, Router } from 'express';
import type {
  AuthenticationEvent,
  ClientAssertionOptions,
  ClientAssertionRequest,
} from 'passport-private-key-jwt';
import type { NavigationLink } from '../../shared/html.js';
import type { ClientsFile } from '../clients/clients-file.js';
import { neverCache, parseForm } from '../routes/middleware.js';
import { exchangeOf, handlesOf } from './exchange.js';
import { inspectorPage, PAGE_POLICY, STYLE_FILE } from './page.js';
import { recorder } from './recorder.js';
import { pageScript } from './script.js';
import { Sequences } from './sequences.js';
import { Traces } from './traces.js';

/** The endpoints whose requests are recorded. */
const RECORDED = [
  ...['/authorize', '/login', '/consent'],
  ...['/par', '/token', '/userinfo', '/introspect', '/revoke'],
];

/** Shows what the server did, to learn and to debug by: see `Traces` for what it costs. */
export interface Inspector {
  /** Takes an authentication down. */
  note(event: AuthenticationEvent): void;
  /** Goes in front of client authentication. */
  readonly trace: RequestHandler;
  /** Goes in front of the endpoints. */
  readonly record: Router;
  /** The page and what it asks for. */
  readonly pages: Router;
}

/** @param limit how many authentications and sequences of requests are kept */
export function createInspector(
  limit: number,
  options: ClientAssertionOptions,
  server: Pick<ClientAssertionRequest, 'issuer' | 'tokenEndpoint'>,
  clients: ClientsFile,
  links: readonly NavigationLink[],
): Inspector {
  const traces = new Traces(limit, options, server, clients);
  const sequences = new Sequences(limit);
  const page = inspectorPage(server, options, links);

  const record = Router();
  record.use(
    RECORDED,
    recorder((answered) => {
      const exchange = exchangeOf(answered, traces.of(answered.request));
      sequences.add(exchange, handlesOf(answered));
    }),
  );

  const pages = Router();
  pages.use(['/traces', '/inspector'], neverCache);
  pages.get('/traces', async (_request, response) => {
    response.json(await traces.list());
  });
  pages.get('/inspector', (_request, response) => {
    response.set('Content-Security-Policy', PAGE_POLICY).type('html').send(page);
  });
  pages.get('/inspector/style.css', (_request, response) => response.sendFile(STYLE_FILE));
  pages.get('/inspector/script.js', async (_request, response) => {
    response.type('text/javascript').send(await pageScript());
  });
  pages.get('/inspector/sequences', async (_request, response) => {
    response.json(await sequences.list());
  });
  pages.get('/inspector/last-assertion', (_request, response) => {
    response.json({ assertion: traces.lastUsedAssertion });
  });
  pages.post('/inspector/explain', parseForm, async (request, response) => {
    const { inspector_key: key, ...parameters } = request.body ?? {};
    const { accepted, checks } =
      typeof key === 'string'
        ? await traces.explainWithKey(parameters, key)
        : await traces.explain(parameters);
    response.json({ accepted, checks });
  });
  return {
    note: (event) => traces.note(event),
    trace: traces.middleware,
    record,
    pages,
  };
}
