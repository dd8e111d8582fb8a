/** How many 30-bit words of a key are kept: 120 bits. */
export const FINGERPRINT_WORDS = 4;

const CHARACTERS_PER_WORD = 5;
const KEY_LENGTH = 43;
const NO_DIGIT = -1;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const DIGITS = new Int8Array(128).fill(NO_DIGIT);
for (let digit = 0; digit < ALPHABET.length; digit += 1) DIGITS[ALPHABET.charCodeAt(digit)] = digit;

/**
 * Reads the first 120 bits of a replay key. Two of five million keys share them with a probability
 * of 10^-23; an attacker who wants them to has to search for a second preimage.
 *
 * @param key 43 base64url characters
 * @throws {TypeError} for anything else, which would collide where it may not
 */
export function readFingerprint(key: string, words: Uint32Array): void {
  let valid = key.length === KEY_LENGTH;
  let position = 0;
  for (let index = 0; index < FINGERPRINT_WORDS; index += 1) {
    let word = 0;
    for (const end = position + CHARACTERS_PER_WORD; position < end; position += 1) {
      const digit = DIGITS[key.charCodeAt(position)] ?? NO_DIGIT;
      valid &&= digit !== NO_DIGIT;
      word = (word << 6) | digit;
    }
    words[index] = word;
  }
  if (!valid) throw new TypeError('The key of a replay entry is 43 base64url characters.');
}
