import { type Explanation, explainAssertion } from 'passport-private-key-jwt/explain';
import type { PageServer } from '../page.js';

/** RFC 7523 §2.2. */
const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A pasted text as the form of a request: an assertion alone stands for a whole form. */
export function formOf(text: string): URLSearchParams {
  const pasted = text.trim();
  if (/(^|&)client_assertion=/.test(pasted)) return new URLSearchParams(pasted);
  return new URLSearchParams({
    client_assertion: pasted,
    client_assertion_type: CLIENT_ASSERTION_TYPE,
  });
}

/** As a body parser does: a parameter that comes more than once is a list. */
const parametersOf = (form: URLSearchParams): Record<string, string | string[]> =>
  Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const [first = '', ...more] = form.getAll(name);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );

/** Explains the assertion of a form as far as the browser can: without clients and keys. */
export const inspect = (
  form: URLSearchParams,
  { rules, issuer, tokenEndpoint }: PageServer,
): Explanation =>
  explainAssertion({ issuer, tokenEndpoint, parameters: parametersOf(form) }, rules);

/** What came of the checks. */
export interface Verdict {
  readonly outcome: 'passed' | 'failed' | 'undecided';
  readonly text: string;
}

/** Sums the checks up in a sentence. */
export function verdictOf({ accepted, checks }: Explanation): Verdict {
  const reasons = checks.flatMap(({ reason }) => reason ?? []);
  if (reasons.length > 0) {
    return { outcome: 'failed', text: `✗ The assertion is refused: ${reasons.join(', ')}.` };
  }
  return accepted
    ? { outcome: 'passed', text: '✓ Every check passed: it is accepted unless it was used before.' }
    : {
        outcome: 'undecided',
        text: 'Nothing is wrong so far. The client, its keys and the signature are not checked yet.',
      };
}
