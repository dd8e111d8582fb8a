import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Express } from 'express';
import type { AssertionClient } from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { importBlock, ROOT } from '../support/docs.js';
import { listen } from '../support/listen.js';

interface Example {
  readonly app: Express;
  readonly clients: Map<string, AssertionClient>;
}

test('the server of the README gives a token for an assertion, and for each only once', async (t) => {
  const folder = await mkdtemp(join(ROOT, 'test', '.readme-'));
  t.after(() => rm(folder, { recursive: true }));
  const { app, clients } = await importBlock<Example>(
    'README.md',
    0,
    folder,
    '\nexport { app, clients };\n',
  );
  const server = await listen(app);
  t.after(() => server.close());
  const assertion = await signAssertion(CLIENT.clientId);
  const body = assertionForm(assertion, { grant_type: 'client_credentials' });
  const post = () => fetch(`${server.url}/token`, { method: 'POST', body });

  assert.equal((await post()).status, 401, 'nobody is registered');
  clients.set(CLIENT.clientId, CLIENT);
  const answer = await post();
  assert.equal(answer.status, 200);
  assert.equal(((await answer.json()) as { token_type: string }).token_type, 'Bearer');
  assert.equal((await post()).status, 401, 'it was used');
});
