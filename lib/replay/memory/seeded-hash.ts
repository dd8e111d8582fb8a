import { randomFillSync } from 'node:crypto';

export interface SeededHash {
  word(value: number): number;
  text(value: string): number;
}

/** Clients choose their `jti`: without a seed, one could make its fingerprints collide. */
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
