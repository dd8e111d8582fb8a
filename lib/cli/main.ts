#!/usr/bin/env node
import { run } from './program.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads has read enough, as `head` does.
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

run(process.argv).then((exitCode) => {
  process.exitCode = exitCode;
});
