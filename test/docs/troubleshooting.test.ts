import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClientRefusedError, LoginRequiredError, ProviderError } from '../../lib/client/index.js';
import { LoginStateError } from '../../lib/client/login/pending-logins.js';
import { ConfigurationError, REASONS, SecretError } from '../../lib/index.js';
import { FetchError } from '../../lib/net/fetch-error.js';
import { ReplayStoreFullError } from '../../lib/replay/store.js';
import { ClientAuthenticationError, RequestObjectError } from '../../lib/shared/errors.js';
import { anchorsOf, isBroken, ROOT, textOf } from '../support/docs.js';

const PAGE = 'docs/troubleshooting.md';

/** Every code that the code of `lib` gives to a process warning or to a warning of an event. */
async function warningCodes(): Promise<string[]> {
  const paths = await readdir(join(ROOT, 'lib'), { recursive: true });
  const texts = await Promise.all(
    paths
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFile(join(ROOT, 'lib', path), 'utf8')),
  );
  return texts.flatMap((text) =>
    [...text.matchAll(/\bcode: '([a-z]+(?:_[a-z]+)+)'/g)].map(([, code = '']) => code),
  );
}

test('the page has an entry for every reason and for every code of a warning', async () => {
  const anchors = anchorsOf(await textOf(PAGE));
  const codes = [...Object.keys(REASONS), ...(await warningCodes())];
  assert.ok(codes.length > 60);
  assert.deepEqual(
    codes.filter((code) => !anchors.has(code)),
    [],
  );
});

const FETCH_CODES = [
  'url_invalid',
  'host_not_allowed',
  'port_not_allowed',
  'name_not_resolved',
  'address_not_allowed',
  'connection_failed',
  'timeout',
  'redirect_refused',
  'status_not_ok',
  'content_type_not_json',
  'content_encoding_refused',
  'body_too_large',
  'body_not_json',
  'document_invalid',
  'too_many_fetches',
] as const;

test('the help link of every error leads to its entry', async () => {
  const errors = [
    new ClientAuthenticationError({ reason: 'audience_mismatch' }),
    new RequestObjectError({ reason: 'request_object_nested' }),
    new ConfigurationError('The application is set up wrong.'),
    new SecretError('client', 'The secret is weak.'),
    new ReplayStoreFullError('replay_store_full', 'The store is full.'),
    new ReplayStoreFullError('replay_client_share_full', 'The share is full.'),
    new LoginRequiredError('There are no tokens.'),
    new ClientRefusedError('The provider refuses this client.'),
    new ProviderError(503, 'The provider cannot be reached.'),
    new LoginStateError(),
    ...FETCH_CODES.map((code) => new FetchError(code, 'The fetch failed.')),
  ];
  for (const { code, help } of errors) {
    const [name, ...path] = help.split('/');
    assert.equal(name, 'passport-private-key-jwt');
    assert.ok(help.endsWith(`#${code}`), help);
    assert.equal(await isBroken('README.md', path.join('/')), false, help);
  }
});

test('the page has twenty reasons first, each with its own heading', async () => {
  const [, first = ''] = (await textOf(PAGE)).split('\n## ');
  assert.equal(first.match(/^### `\w+`$/gm)?.length, 20);
});
