import { type CompactJws, decodeCompactJws, type JsonObject } from '../keys/compact-jws.js';
import { CLIENT_AUTHENTICATION_TYP } from '../shared/jose.js';
import type { Failure } from '../shared/reasons.js';
import { typOf } from './checks/header.js';
import { timesAsStrings, withNumericTimes } from './checks/times.js';
import { malformedFailure } from './diagnosis.js';
import type { Rules } from './rules.js';

/** Code that reads the result may recurse. */
const MAX_DEPTH = 20;

function isDeeperThan(object: JsonObject, depth: number): boolean {
  if (depth === 0) return true;
  for (const name in object) {
    const value = object[name];
    const isObject = typeof value === 'object' && value !== null;
    if (isObject && isDeeperThan(value as JsonObject, depth - 1)) return true;
  }
  return false;
}

/** `maxLength` in characters. */
export function readJwt(
  text: string,
  maxLength: number,
):
  | { readonly jws: CompactJws; readonly failure?: undefined }
  | { readonly jws?: undefined; readonly failure: Failure } {
  if (text.length > maxLength) {
    const failure = {
      reason: 'assertion_too_long',
      expected: `<= ${maxLength} characters`,
      actual: text.length,
    } as const;
    return { failure };
  }
  const jws = decodeCompactJws(text);
  if (jws === undefined) return { failure: malformedFailure(text) };
  if (isDeeperThan(jws.claims, MAX_DEPTH) || isDeeperThan(jws.header, MAX_DEPTH)) {
    const failure = {
      reason: 'assertion_malformed',
      expected: `at most ${MAX_DEPTH} levels of objects and arrays`,
      actual: 'more levels',
    } as const;
    return { failure };
  }
  return { jws };
}

export interface AssertionView {
  readonly claims: JsonObject;
  readonly typ: string | null | undefined;
  readonly timesAsStrings: readonly string[];
}

/** With `audience: 'compatible'`, times may be strings of digits, unless `typ` claims RFC 10070. */
export function viewOf({ header, claims }: CompactJws, { audience }: Rules): AssertionView {
  const typ = typOf(header);
  const isLenient =
    audience === 'compatible' &&
    typ !== CLIENT_AUTHENTICATION_TYP &&
    // A platform's assertion follows its own rules.
    claims['iss'] === claims['sub'];
  const strings = isLenient ? timesAsStrings(claims) : [];
  return { claims: withNumericTimes(claims, strings), typ, timesAsStrings: strings };
}
