import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presets } from '../../lib/client/index.js';
import { codeOf, GUIDES, isOfFrameworks, textOf } from '../support/docs.js';
import { typeErrors } from '../support/type-errors.js';

test('every example of the README, the guides and the samples passes the type checker', async (t) => {
  const modules = new Map<string, string>();
  for (const guide of GUIDES) {
    const blocks = await codeOf(guide, 'ts');
    for (const [index, code] of blocks.entries()) {
      if (!isOfFrameworks(guide, code)) modules.set(`${guide}/${index}.ts`, code);
    }
  }
  assert.ok(modules.size > 40);
  assert.equal(await typeErrors(t, modules, ['examples.d.ts']), '');
});

/** What the table of providers says of a preset. */
function rowOf(preset: (typeof presets)['okta']): { aud: string; typ: string; lifetime: string } {
  const { audience, typ = 'client-authentication+jwt', lifetime = 60, notBefore } = preset;
  return {
    aud: audience === undefined ? 'issuer' : 'token endpoint',
    typ: typ === false ? 'none' : `\`${typ}\``,
    lifetime: `${lifetime} s${notBefore === false ? ', no `nbf`' : ''}`,
  };
}

test('the table of providers matches the presets', async () => {
  const text = await textOf('docs/providers.md');
  const rows = [...text.matchAll(/^\| `(\w+)` +\| (.*?) +\| (.*?) +\| (.*?) +\|/gm)].map(
    ([, name, aud, typ, lifetime]) => [name, { aud, typ, lifetime }],
  );
  assert.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(Object.entries(presets).map(([name, preset]) => [name, rowOf(preset)])),
  );
});
