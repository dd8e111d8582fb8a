import { decodeSegment } from '../keys/compact-jws.js';
import type { Failure } from '../shared/reasons.js';

// Runs only after a failure.

const EXPECTED = 'three segments of base64url, separated by dots';

/** People send these instead of a JWT. The value itself is never shown. */
const LOOKALIKES: readonly (readonly [RegExp, string])[] = [
  [/^\s*\{/, 'a JSON object: the JSON serialization of JWS is not accepted'],
  [/-----BEGIN /, 'a PEM: the assertion must be a JWT that was signed with the key'],
  [/^Bearer\s/i, 'a JWT after the word Bearer: send only the JWT'],
  [/^["'].*["']\s*$/s, 'a text in quotes: send the JWT alone'],
  [/^\s|\s$/, 'a text that begins or ends with white space or a line break'],
  [/\s/, 'a text with white space or line breaks in it'],
  [/%[0-9a-f]{2}/i, 'a text that is URL-encoded twice'],
];

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

function isBase64OfPair(text: string): boolean {
  // On other characters atob would throw, which costs more than all the rest.
  if (!BASE64.test(text)) return false;
  try {
    const pair = atob(text);
    // One pattern for both halves would take quadratic time on a text of colons.
    return /^[\x20-\x7e]+$/.test(pair) && pair.slice(1, -1).includes(':');
  } catch {
    return false;
  }
}

function segmentProblem(name: string, segment: string): string | undefined {
  if (segment === '') return `the ${name} is empty`;
  if (segment.includes('='))
    return `the ${name} has padding (=), which the base64url of a JWT does not have`;
  if (/[+/]/.test(segment))
    return `the ${name} is in the standard base64 alphabet, not in base64url`;
  const bytes = decodeSegment(segment);
  if (bytes === undefined) return `the ${name} is not base64url`;
  if (name === 'signature') return undefined;
  return jsonProblem(name, bytes);
}

function jsonProblem(name: string, bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `the ${name} is not UTF-8`;
  }
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? undefined : `the ${name} is JSON, but not an object`;
  } catch {
    return `the ${name} is not JSON`;
  }
}

function problemOf(text: string): string {
  const lookalike = LOOKALIKES.find(([pattern]) => pattern.test(text));
  if (lookalike !== undefined) return lookalike[1];
  const segments = text.split('.', 6);
  if (segments.length === 5) return 'five segments: a JWE, which is not accepted';
  if (isBase64OfPair(text)) {
    return 'one segment that looks like base64(id:secret): probably the credentials of Basic authentication';
  }
  if (segments.length !== 3) {
    const count = segments.length > 5 ? 'more than five segments' : `${segments.length} segment(s)`;
    return count;
  }
  const names = ['header', 'payload', 'signature'];
  for (const [index, segment] of segments.entries()) {
    const problem = segmentProblem(String(names[index]), segment);
    if (problem !== undefined) return problem;
  }
  return 'something else';
}

export const malformedFailure = (text: string): Failure => ({
  reason: 'assertion_malformed',
  expected: EXPECTED,
  actual: problemOf(text),
});
