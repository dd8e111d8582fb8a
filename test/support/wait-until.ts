import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something holds; fails where it still does not after so many seconds. */
export async function waitUntil(holds: () => Promise<boolean>, seconds = 20): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`It does not hold after ${seconds} s: ${holds}`);
    await sleep(20);
  }
}
