import { KeyError } from '../../keys/algorithms.js';

// What is given in place of a private key, and the sentence that says what to change.

const CONVERT =
  'convert it with openssl pkey -in client.der -out client.pem, or a PKCS#12 file with openssl pkcs12 -in client.p12 -out client.pem -nodes';

type Mistake<Value> = readonly [is: (value: Value) => boolean, sentence: string];

const matches = (pattern: RegExp) => (text: string) => pattern.test(text);

/** Damage that a PEM takes on its way through an environment variable. */
const PEM_MISTAKES: readonly Mistake<string>[] = [
  [
    matches(/-----(BEGIN|END) [^\n]*\\n|\\n-----/),
    "the PEM has the two characters \\n where its lines should end: use text.replaceAll('\\\\n', '\\n')",
  ],
  [matches(/^\s*["']/), 'the PEM is in quotes: take them away'],
  [matches(/-----BEGIN [^\n]*-----END/), 'the PEM is one line: its line ends have been lost'],
];

const TEXT_MISTAKES: readonly Mistake<string>[] = [
  [matches(/^\s*$/), 'the key is empty: is its environment variable set, and its file written?'],
  [
    matches(/^\s*LS0tLS1CRUdJTi/),
    "the key is base64 of PEM: use Buffer.from(text, 'base64').toString()",
  ],
  [
    matches(/^\s*MI[\w+/]{20}/),
    'the key is base64 without the lines of PEM before and after it: give the content of the PEM file',
  ],
];

const startsWith =
  (...start: readonly number[]) =>
  (bytes: Uint8Array) =>
    start.every((byte, index) => bytes[index] === byte);

const BYTES_MISTAKES: readonly Mistake<Uint8Array>[] = [
  [startsWith(0x30), `the key is DER and not PEM: ${CONVERT}`],
  [startsWith(0xff, 0xfe), 'the key is in UTF-16: save it as UTF-8'],
  [startsWith(0xfe, 0xff), 'the key is in UTF-16: save it as UTF-8'],
];

const has = (name: string) => (value: object) =>
  (value as Record<string, unknown>)[name] !== undefined;

const hasList = (name: string) => (value: object) =>
  Array.isArray((value as Record<string, unknown>)[name]);

const OBJECT_MISTAKES: readonly Mistake<object>[] = [
  [(value) => typeof value === 'function', 'the key is a function: give what it returns'],
  [has('then'), 'the key is a Promise: await it'],
  [Array.isArray, 'the key is a list: use a KeyRing'],
  [has('privateKey'), 'the key is a key pair: give its privateKey'],
  [(value) => value instanceof URL, 'the key is a URL: give the content of the file'],
  [(value) => value instanceof ArrayBuffer, 'the key is an ArrayBuffer: use new Uint8Array(key)'],
  [has('createClientToken'), 'the key is an AssertionService: give the key that it was made of'],
  [has('signJwt'), 'the key is a KeyRing or SigningKey: give it by itself, without options'],
  [hasList('keys'), 'the key is a JWK Set: give one of its keys'],
];

function refuse<Value>(value: Value, mistakes: readonly Mistake<Value>[]): void {
  const found = mistakes.find(([is]) => is(value));
  if (found !== undefined) throw new KeyError(found[1]);
}

/** @throws {KeyError} for a PEM that was damaged in a way that is known */
export const refuseDamagedPem = (pem: string): void => refuse(pem, PEM_MISTAKES);

/** @throws {KeyError} for text that is no PEM, in a way that is known */
export const refuseMistakenText = (text: string): void => refuse(text, TEXT_MISTAKES);

/** @throws {KeyError} for bytes that are not UTF-8 */
export const refuseMistakenBytes = (bytes: Uint8Array): void => refuse(bytes, BYTES_MISTAKES);

/** @throws {KeyError} for what is no key, but has something to do with one */
export const refuseMistakenObject = (value: object): void => refuse(value, OBJECT_MISTAKES);
