/** In microseconds for each piece of work. */
export interface Cost {
  /** Time that passed. */
  readonly wall: number;
  /** Time of processors, the thread pool's included. */
  readonly cpu: number;
}

/** Does pieces of work, so many at once, and says what one costs. */
export async function costInFlight(
  work: (index: number) => unknown,
  count: number,
  inFlight: number,
): Promise<Cost> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  const cpu = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  const elapsed = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (elapsed * 1000) / count, cpu: (user + system) / count };
}
