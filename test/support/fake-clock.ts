/** A clock that moves only when it is told to. */
export interface FakeClock {
  /** In milliseconds since the epoch, as the `clock` options want it. */
  readonly clock: () => number;
  /** In seconds since the epoch. */
  now(): number;
  advance(seconds: number): void;
}

/** Makes a clock that starts at a whole minute of the past. */
export function fakeClock(start = 1_700_000_040): FakeClock {
  let time = start * 1000;
  return {
    clock: () => time,
    now: () => time / 1000,
    advance: (seconds) => {
      time += seconds * 1000;
    },
  };
}
