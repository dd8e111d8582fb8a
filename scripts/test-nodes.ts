/** Runs the fast tests on each Node that is supported besides the oldest. The binaries come from npm. */
import { runNpm } from './run.js';
import { usage } from './usage.js';

usage('npm run test:nodes [-- MAJOR...]   default: 22 24 26');

const named = process.argv.slice(2);
for (const major of named.length === 0 ? ['22', '24', '26'] : named) {
  console.log(`Node ${major}`);
  const node = ['exec', '--yes', `--package=node@${major}`, '--', 'node'];
  process.exitCode ||= runNpm([...node, '--import', 'tsx', 'scripts/test.ts']);
}
