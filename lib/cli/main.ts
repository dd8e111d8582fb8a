#!/usr/bin/env node
const NEEDED = [20, 19] as const;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader closed the pipe, as `head` does.
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(
    `error: passport-private-key-jwt needs Node.js ${NEEDED.join('.')} or newer; this is ${process.versions.node}.\n`,
  );
  process.exitCode = 1;
} else {
  // A static import would fail earlier: older Node versions cannot parse the rest.
  import('./program.js')
    .then(({ run }) => run(process.argv))
    .then((exitCode) => {
      process.exitCode = exitCode;
    });
}

export {};
