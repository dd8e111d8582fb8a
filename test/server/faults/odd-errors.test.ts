import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import { Passport } from 'passport';
import {
  authenticateClient,
  PrivateKeyJwtStrategy,
  type PrivateKeyJwtStrategyOptions,
} from '../../../lib/index.js';
import { assertionForm, ISSUER, signAssertion } from '../../support/assertion.js';
import { CLIENT } from '../../support/attacks.js';
import { listen } from '../../support/listen.js';

// Express continues after next(0), and after next('route') at the next handler. No such value that
// the application throws may let a request without a client pass (RFC 6749 §3.2.1).

const VALUES: readonly unknown[] = [undefined, null, 0, '', 'route', 'router'];

type Mount = (app: express.Express, ...handlers: RequestHandler[]) => void;

const MOUNTS: Readonly<Record<string, Mount>> = {
  'app.post': (app, ...handlers) => app.post('/token', ...handlers),
  'app.use': (app, ...handlers) => {
    for (const handler of handlers) app.use('/token', handler);
  },
};

async function start(t: TestContext, factory: typeof express, mount: Mount, guard: RequestHandler) {
  const app = factory();
  let reached = 0;
  const token: RequestHandler = (_request, response) => {
    reached += 1;
    response.end();
  };
  mount(app, factory.urlencoded({ extended: false }), guard, token);
  app.use('/token', token);
  app.use(((_error, _request, response, _next) => {
    response.sendStatus(500);
  }) satisfies express.ErrorRequestHandler);
  const server = await listen(app);
  t.after(() => server.close());
  return async (form: URLSearchParams) => {
    const { status } = await fetch(`${server.url}/token`, { method: 'POST', body: form });
    return { status, reached };
  };
}

const strategyOf = (options: Partial<PrivateKeyJwtStrategyOptions>) =>
  new PrivateKeyJwtStrategy({ issuer: ISSUER, ...options }, () => CLIENT);

const FAILED = { status: 500, reached: 0 };

for (const [how, mount] of Object.entries(MOUNTS)) {
  for (const [version, factory] of Object.entries({
    'Express 5': express,
    'Express 4': express4,
  })) {
    for (const value of VALUES) {
      const shown = typeof value === 'string' ? `'${value}'` : String(value);

      test(`${version}, ${how}: an option that throws ${shown} accepts no client`, async (t) => {
        const form = assertionForm(await signAssertion());
        const fails = () => {
          throw value;
        };
        for (const option of ['issuer', 'endpoint']) {
          const throwing = strategyOf({ [option]: fails });
          const rejecting = strategyOf({ [option]: () => Promise.reject(value) });
          for (const strategy of [throwing, rejecting]) {
            const passport = new Passport();
            const byPassport = passport.authenticate(strategy, { session: false });
            for (const guard of [authenticateClient(strategy), byPassport]) {
              const post = await start(t, factory, mount, guard);
              assert.deepEqual(await post(form), FAILED, option);
            }
          }
        }
      });

      test(`${version}, ${how}: otherwise that ends with ${shown} accepts no client`, async (t) => {
        const ways: Readonly<Record<string, RequestHandler>> = {
          next: (_request, _response, next) => next(value),
          throws: () => {
            throw value;
          },
          rejects: () => Promise.reject(value) as never,
        };
        for (const [way, otherwise] of Object.entries(ways)) {
          const guard = authenticateClient(strategyOf({}), { otherwise });
          const post = await start(t, factory, mount, guard);
          assert.deepEqual(await post(new URLSearchParams({ a: 'b' })), FAILED, way);
        }
      });
    }
  }
}
