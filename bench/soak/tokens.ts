// Lets four processes refresh the rotating tokens of the same users, while Redis is paused, partitioned
// and restarted. It fails if a login is lost, a refresh token is used twice, a logout does not hold, or
// memory grows.
import { parseArgs } from 'node:util';
import { refreshUnderFaults } from '../../test/support/token-processes.js';

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    users: { type: 'string', default: '1000' },
    redis: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const userCount = Number(values.users);
if (!(seconds >= 5) || !(userCount >= 20)) {
  throw new TypeError('--seconds must be a number of at least 5, --users one of at least 20');
}

const ends: (() => unknown)[] = [];
try {
  const work = { seconds, userCount, withLock: true };
  const { results, wrong } = await refreshUnderFaults({ after: (end) => ends.push(end) }, work);
  for (const { refreshes, events, errors, growth } of results) {
    console.log(
      `${refreshes} refreshes, memory ${(growth / 1e6).toFixed(1)} MB more`,
      events,
      errors,
    );
  }
  console.log(`wrong: ${wrong.length}`, wrong.slice(0, 10));
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  for (const end of ends.reverse()) await end();
}
