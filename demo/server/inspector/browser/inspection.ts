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

/** What can be read of an assertion that is damaged, and where it breaks. */
export function damageOf(text: string): string {
  const parts = text.trim().split('.');
  const lines = parts.slice(0, 4).map((part, index) => {
    const name = ['header', 'payload', 'signature'][index] ?? 'part too many';
    const position = part.search(/[^\w-]/);
    if (part === '') return `Part ${index + 1} (${name}) is empty.`;
    if (position !== -1) {
      return `Part ${index + 1} (${name}) has a character that is not base64url at position ${position + 1}.`;
    }
    if (index > 1) return `Part ${index + 1} (${name}) has ${part.length} characters.`;
    try {
      const json = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
      JSON.parse(json);
      return `Part ${index + 1} (${name}) reads: ${json.slice(0, 300)}`;
    } catch {
      return `Part ${index + 1} (${name}) is not JSON in base64url.`;
    }
  });
  const count = parts.length === 3 ? '' : ` An assertion has three.`;
  return [`The text has ${parts.length} parts with dots between them.${count}`, ...lines].join(
    '\n',
  );
}
