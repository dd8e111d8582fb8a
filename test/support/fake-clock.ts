import { mock } from 'node:test';

/** A clock that moves only when it is told to: `Date` is mocked, timers run as ever. */
export interface FakeClock {
  /** In seconds since the epoch. */
  now(): number;
  advance(seconds: number): void;
  set(seconds: number): void;
  /** For what still takes a clock as an option. */
  readonly clock: () => number;
  /** Gives the process its own time back. */
  restore(): void;
}

/** Stops the time of this process, at the last whole minute if no start is given. */
export function fakeClock(start = Math.floor(Date.now() / 60_000) * 60): FakeClock {
  mock.timers.reset();
  mock.timers.enable({ apis: ['Date'], now: start * 1000 });
  return {
    clock: () => Date.now(),
    now: () => Date.now() / 1000,
    // tick() would also have to be a whole number.
    advance: (seconds) => mock.timers.setTime(Math.round(Date.now() + seconds * 1000)),
    set: (seconds) => mock.timers.setTime(Math.round(seconds * 1000)),
    restore: () => mock.timers.reset(),
  };
}
