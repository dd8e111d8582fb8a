import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import session from 'express-session';
import { changeSession } from '../../../lib/client/tokens/session.js';
import { listen } from '../../support/listen.js';

/** A store that removes a session instead of writing it, as stores do whose session has expired. */
class ExpiringStore extends session.MemoryStore {
  override set(id: string, _data: session.SessionData, done?: (error?: unknown) => void) {
    this.destroy(id, done);
  }
}

test('if a store destroys a session during a write, the write ends at once', async (t) => {
  const app = express();
  const store = new ExpiringStore();
  app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }));
  app.get('/', async (request, response) => {
    await changeSession(request, (stored) => {
      stored['changed'] = true;
    });
    const ids = await new Promise((resolve) => store.all?.((_, all) => resolve(all)));
    response.json(ids);
  });
  const { url, close } = await listen(app);
  t.after(close);
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  assert.deepEqual(await response.json(), {});
});
