import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Runs the garbage collector. */
export async function collectAll(): Promise<void> {
  collectGarbage();
  await new Promise(setImmediate);
  collectGarbage();
}

/** The bytes of the heap and of buffers, after the garbage collector has run. */
export async function usedBytes(): Promise<number> {
  await collectAll();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
