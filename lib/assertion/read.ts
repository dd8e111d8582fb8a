import { type CompactJws, decodeCompactJws } from '../keys/compact-jws.js';
import type { Failure } from '../shared/reasons.js';
import type { Rules } from './settings.js';

/** Takes an assertion apart, if it is short enough to be worth it. */
export function readAssertion(
  assertion: string,
  settings: Rules,
):
  | { readonly jws: CompactJws; readonly failure?: undefined }
  | { readonly jws?: undefined; readonly failure: Failure } {
  if (assertion.length > settings.maxAssertionLength) {
    return {
      failure: {
        reason: 'assertion_too_long',
        expected: `<= ${settings.maxAssertionLength} characters`,
        actual: assertion.length,
      },
    };
  }
  const jws = decodeCompactJws(assertion);
  return jws === undefined ? { failure: { reason: 'assertion_malformed' } } : { jws };
}
