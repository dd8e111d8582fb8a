import { randomFillSync } from 'node:crypto';

/** A 32-bit hash that cannot be predicted outside this process. */
export interface SeededHash {
  /** Of a word. */
  word(value: number): number;
  /** Of a text. */
  text(value: string): number;
}

/**
 * Makes a hash with a seed of its own. A client chooses its `jti`, and with it the bits of its
 * fingerprints: without the seed it could have its entries all fall into one place.
 */
export function seededHash(): SeededHash {
  const [seed = 0, random = 0] = randomFillSync(new Uint32Array(2));
  const factor = random | 1;
  const finish = (state: number): number => {
    const product = Math.imul(state ^ seed, factor);
    const mixed = Math.imul(product ^ (product >>> 15), 0x2c1b3c6d);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  return {
    word: finish,
    text(value) {
      let state = value.length;
      for (let index = 0; index < value.length; index += 1) {
        const product = Math.imul(state ^ value.charCodeAt(index) ^ seed, factor);
        state = Math.imul(product ^ (product >>> 15), 0x2c1b3c6d);
      }
      return (state ^ (state >>> 16)) >>> 0;
    },
  };
}
