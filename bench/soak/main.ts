// npm run soak                  a token endpoint for three minutes, then four processes for one
// npm run soak -- endpoint      the endpoint alone; --redis URL keeps its replay entries in Redis
// npm run soak -- tokens        the processes alone; they start a Redis of their own
import { usage } from '../../scripts/usage.js';

usage(
  'npm run soak [-- endpoint|tokens] [--seconds 60] [--redis URL] [--users 1000]   default: both, 180 and 60 seconds',
);

const asked = process.argv.slice(2);
const isAsked = (name: string, other: string) => asked.includes(name) || !asked.includes(other);
if (isAsked('endpoint', 'tokens')) await import('./endpoint.js');
if (isAsked('tokens', 'endpoint')) await import('./tokens.js');
process.exit();
