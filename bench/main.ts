// npm run bench                       all questions; writes bench/RESULTS.md
// npm run bench -- validation keys    these alone; prints the answers and writes nothing
// npm run bench -- --scale 0.1        less work, to try something out; writes nothing
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { question as floor } from './floor.js';
import type { Question } from './harness/question.js';
import { answerLines, machineLines } from './harness/report.js';
import { question as http } from './http.js';
import { question as imports } from './imports.js';
import { question as junk } from './junk.js';
import { question as keys } from './keys.js';
import { question as memoryReplay } from './memory-replay.js';
import { question as profile } from './profile.js';
import { question as redisReplay } from './redis-replay.js';
import { question as signing } from './signing.js';
import { question as tokens } from './tokens.js';
import { question as validation } from './validation.js';

const QUESTIONS: Readonly<Record<string, Question>> = {
  validation,
  floor,
  profile,
  http,
  junk,
  keys,
  'memory-replay': memoryReplay,
  'redis-replay': redisReplay,
  signing,
  tokens,
  imports,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
  },
});
const effort = { rounds: Number(values.rounds), scale: Number(values.scale) };
if (!Number.isInteger(effort.rounds) || effort.rounds < 1 || !(effort.scale > 0)) {
  throw new TypeError('--rounds is a whole number, --scale a number above 0');
}
const unknown = positionals.find((name) => !(name in QUESTIONS));
if (unknown !== undefined) {
  throw new TypeError(
    `There is no question ${unknown}: choose from ${Object.keys(QUESTIONS).join(', ')}`,
  );
}

async function versionOf(name: string): Promise<string> {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  return version;
}

const peers = ['jose', 'oidc-provider', 'openid-client', 'express', 'redis'];
const versions = Object.fromEntries(
  await Promise.all(peers.map(async (name) => [name, await versionOf(name)] as const)),
);

const lines = [
  '# Results',
  '',
  `Written by \`npm run bench\`. Each figure is the lower quartile of ${effort.rounds} rounds, in which the subjects take turns: what the machine does meanwhile meets all of them alike, and only ever adds. What counts are the ratios.`,
  '',
  ...machineLines(versions),
];
for (const [name, question] of Object.entries(QUESTIONS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const answer = answerLines(await question(effort));
  process.stdout.write(`${answer.join('\n')}\n`);
  lines.push(...answer);
}
if (positionals.length === 0 && effort.scale === 1) {
  await writeFile(new URL('../RESULTS.md', import.meta.url), `${lines.join('\n').trimEnd()}\n`);
}
process.exit();
