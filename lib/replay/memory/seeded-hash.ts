import { randomFillSync } from 'node:crypto';

/** A hash of 32 bits that nobody outside this process can steer. */
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
  const mix = (value: number): number => {
    const product = Math.imul(value ^ seed, factor);
    return Math.imul(product ^ (product >>> 15), 0x2c1b3c6d);
  };
  return {
    word(value) {
      const mixed = mix(value);
      return (mixed ^ (mixed >>> 16)) >>> 0;
    },
    text(value) {
      let state = value.length;
      for (let index = 0; index < value.length; index += 1) {
        state = mix(state ^ value.charCodeAt(index));
      }
      return (state ^ (state >>> 16)) >>> 0;
    },
  };
}
