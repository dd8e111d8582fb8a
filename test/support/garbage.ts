import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function usage(): Promise<NodeJS.MemoryUsage> {
  collectGarbage();
  await new Promise(setImmediate);
  collectGarbage();
  return process.memoryUsage();
}

/** The bytes in use, once those that nobody uses any more have been given back. */
export async function usedBytes(): Promise<number> {
  const { heapUsed, arrayBuffers } = await usage();
  return heapUsed + arrayBuffers;
}

/** The same, of buffers and typed arrays only. */
export async function usedBufferBytes(): Promise<number> {
  return (await usage()).arrayBuffers;
}
