import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { allowInsecureRequests, clientCredentialsGrant, discovery } from 'openid-client';
import { assertionFrom, clientAssertion } from '../../lib/client/index.js';
import { platformKey, tokenOf } from '../support/platform.js';
import { localPlatform, protectedApi, trustingServer } from '../support/workload.js';

/** Replaces the token as the kubelet does: a new folder, and one link that is exchanged. */
async function project(volume: string, version: number, token: string): Promise<void> {
  const folder = join(volume, `..version_${version}`);
  await mkdir(folder);
  await writeFile(join(folder, 'token'), token);
  const link = join(volume, '..data_tmp');
  await symlink(folder, link);
  await rename(link, join(volume, '..data'));
}

const WORKERS = 8;
const ROTATIONS = 12;

test('a workload calls an API while its token and its platform’s key are replaced, and no request fails', async (t) => {
  const platform = await localPlatform(t);
  const server = await trustingServer(t, platform.issuer);
  const api = await protectedApi(t, server);
  const volume = await mkdtemp(join(tmpdir(), 'projected-'));
  t.after(() => rm(volume, { recursive: true }));
  const next = () => tokenOf(platform, { claims: { aud: [server.url] } });
  await project(volume, 0, next());

  const clientId = 'orders';
  const file = join(volume, '..data', 'token');
  const assertions = assertionFrom(() => readFile(file, 'utf8'), { clientId });
  const auth = clientAssertion(assertions);
  const config = await discovery(new URL(server.url), clientId, undefined, auth, {
    execute: [allowInsecureRequests],
  });

  let isOver = false;
  const served: string[] = [];
  const used = new Set<string>();
  const work = async () => {
    while (!isOver) {
      used.add(await readFile(file, 'utf8'));
      const { access_token } = await clientCredentialsGrant(config);
      const headers = { authorization: `Bearer ${access_token}` };
      const response = await fetch(api.url, { headers });
      served.push(`${response.status} ${await response.text()}`);
    }
  };
  const workers = Array.from({ length: WORKERS }, work);
  for (let version = 1; version <= ROTATIONS; version += 1) {
    await setTimeout(200);
    // The platform publishes its next key and signs with it.
    if (version === ROTATIONS / 2) platform.keys.push(platformKey());
    await project(volume, version, next());
  }
  await setTimeout(200);
  isOver = true;
  await Promise.all(workers);

  assert.deepEqual([...new Set(served)], ['200 ten lamps for orders']);
  assert.ok(served.length > used.size, 'a token serves more than once');
  assert.ok(used.size > ROTATIONS / 2, `${used.size} tokens were used`);
});
