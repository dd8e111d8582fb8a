/** Takes the pictures of the README with Chromium, at the ports that `npm start` has by default. */
import { runNode } from './run.js';
import { usage } from './usage.js';

usage('npm run screenshots');

const env = { SCREENSHOTS: '1', TOKEN_SERVER_PORT: '3000', WEB_LOGIN_PORT: '3001' };
process.exitCode = runNode(
  ['--import', 'tsx', '--test', '--test-force-exit', 'test/browser/screenshots.test.ts'],
  { env },
);
