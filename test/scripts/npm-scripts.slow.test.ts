import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { runProcess } from '../support/cli.js';
import { ROOT } from '../support/docs.js';

const SCRIPTS = Object.entries(packageJson.scripts as Record<string, string>);
const COMMANDS = SCRIPTS.flatMap(([name, script]) =>
  script.split(' && ').map((command) => ({ name, words: command.split(' ') })),
);

test('npm scripts are programs and plain words, which cmd.exe reads as a POSIX shell does', () => {
  for (const { name, words } of COMMANDS) {
    for (const word of words) assert.match(word, /^[\w@./:-]+$/, `${name}: ${word}`);
    assert.doesNotMatch(words.join(' '), /\.sh\b|^exec\b/, name);
  }
});

/** The file that npm puts on the path for a program of a dependency, to be run by Node. */
function binary(program: string): string | undefined {
  const folders = [program, `@arethetypeswrong/cli`, `@biomejs/biome`, 'typescript'];
  for (const folder of folders) {
    const file = join(ROOT, 'node_modules', folder, 'package.json');
    if (!existsSync(file)) continue;
    const { bin } = JSON.parse(readFileSync(file, 'utf8')) as { bin?: string | object };
    const path =
      typeof bin === 'string'
        ? bin
        : bin && Object.entries(bin).find(([name]) => name === program)?.[1];
    if (path !== undefined) return join(ROOT, 'node_modules', folder, path);
  }
  return undefined;
}

/** Samples and the demo know no `--help`: their own tests start them. */
const isServer = ({ words }: { words: readonly string[] }): boolean =>
  words.some((word) => /^(samples|demo)\//.test(word));

for (const { name, words } of COMMANDS.filter((command) => !isServer(command))) {
  const [program = '', ...args] = words;
  if (program === 'npm') {
    test(`npm run ${name}: ${words.join(' ')} names a script`, () => {
      const script = args[0] === 'run' ? args[1] : args[0];
      assert.ok(Object.hasOwn(packageJson.scripts, script ?? ''));
    });
    continue;
  }
  test(`npm run ${name}: ${words.join(' ')} runs without a shell`, async () => {
    const file = program === 'node' ? [] : [binary(program) ?? assert.fail(`no ${program}`)];
    const { exitCode, stdout, stderr } = await runProcess(
      process.execPath,
      [...file, ...args, '--help'],
      { cwd: ROOT },
    );
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /usage|common commands/i);
  });
}
