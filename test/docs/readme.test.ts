import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { codeOf, importBlock, ROOT } from '../support/docs.js';
import { freePort } from '../support/free-port.js';

interface Example {
  readonly server: Server;
  readonly clients: Map<string, unknown>;
}

test('the server of the README gives one token for each assertion', async (t) => {
  const folder = await mkdtemp(join(ROOT, 'test', '.readme-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'client.json');
  await writeFile(file, JSON.stringify({ client: CLIENT }));
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const [code = ''] = await codeOf('README.md', 'ts');
  const lines = code.trim().split('\n');
  assert.ok(lines.length <= 26, `${lines.length} lines`);
  assert.ok(code.includes('app.listen(3000'));
  const { server, clients } = await importBlock<Example>(
    'README.md',
    0,
    folder,
    '\nexport { clients, server };\n',
    (text) =>
      text
        .replace("'client.json'", JSON.stringify(file))
        .replace('http://localhost:3000', issuer)
        .replace('app.listen(3000', `const server = app.listen(${port}`),
  );
  t.after(() => server.close());
  const assertion = await signAssertion(CLIENT.clientId, { claims: { aud: issuer } });
  const body = assertionForm(assertion, { grant_type: 'client_credentials' });
  const post = () => fetch(`${issuer}/token`, { method: 'POST', body });

  clients.delete(CLIENT.clientId);
  assert.equal((await post()).status, 401, 'nobody is registered');
  clients.set(CLIENT.clientId, CLIENT);
  const answer = await post();
  assert.equal(answer.status, 200);
  assert.equal(((await answer.json()) as { token_type: string }).token_type, 'Bearer');
  assert.equal((await post()).status, 401, 'it was used');
  const metadata = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  assert.deepEqual(
    ((await metadata.json()) as Record<string, unknown>)['token_endpoint_auth_methods_supported'],
    ['private_key_jwt', 'client_secret_jwt'],
  );
});
