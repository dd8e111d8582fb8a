import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Gives back what nobody uses any more. */
export async function collectAll(): Promise<void> {
  collectGarbage();
  await new Promise(setImmediate);
  collectGarbage();
}

/** The bytes in use, once those that nobody uses any more have been given back. */
export async function usedBytes(): Promise<number> {
  await collectAll();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
