import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { keyFiles } from '../../../lib/client/index.js';
import { keyPair } from '../../support/keys.js';

async function folder(t: TestContext) {
  const path = await mkdtemp(join(tmpdir(), 'keys-'));
  t.after(() => rm(path, { recursive: true }));
  const { privateKey } = keyPair('RS256');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
  await writeFile(join(path, 'current.pem'), pem);
  const cipher = { cipher: 'aes-256-cbc', passphrase: 'a passphrase' };
  const encrypted = privateKey.export({ format: 'pem', type: 'pkcs8', ...cipher });
  await writeFile(join(path, 'encrypted.pem'), encrypted);
  await mkdir(join(path, 'folder.pem'));
  return (name: string) => join(path, name);
}

test('only the first file must exist', async (t) => {
  const file = await folder(t);
  const current = file('current.pem');
  const keys = keyFiles([current, file('next.pem'), pathToFileURL(current)]);
  assert.equal((await keys()).length, 2);
  await assert.rejects(keyFiles([file('next.pem'), current])(), { code: 'ENOENT' });
});

test('any other file may be missing, but must be readable if it exists', async (t) => {
  const file = await folder(t);
  await assert.rejects(keyFiles([file('current.pem'), file('folder.pem')])(), { code: 'EISDIR' });
});

test('a file is read with the options, and meets the demands of the server', async (t) => {
  const file = await folder(t);
  const encrypted = file('encrypted.pem');
  const [key] = await keyFiles([encrypted], { passphrase: 'a passphrase', alg: 'PS384' })();
  assert.equal(key?.alg, 'PS384');
  await assert.rejects(keyFiles([encrypted])(), {
    name: 'TypeError',
    path: encrypted,
    message: new RegExp(`the key is encrypted: give its passphrase.* It is in ${encrypted}\\.$`),
  });
  await assert.rejects(keyFiles([file('current.pem')])({ algorithms: ['ES256'] }), {
    path: file('current.pem'),
    message: /ES256/,
  });
});

for (const wrong of [[], 'current.pem', undefined]) {
  test(`keyFiles needs a list of files: ${JSON.stringify(wrong)}`, () => {
    assert.throws(() => keyFiles(wrong as never), {
      name: 'TypeError',
      message: 'keyFiles needs an array of files, with the file of the signing key first',
    });
  });
}
