import type { Explanation } from 'passport-private-key-jwt/explain';
import type { Sequence } from '../sequences.js';

async function ask<T>(path: string, form?: URLSearchParams): Promise<T> {
  const response = await fetch(path, form === undefined ? {} : { method: 'POST', body: form });
  if (response.ok) return response.json();
  throw new Error(`the server answered ${response.status}`);
}

/** The sequences of requests that the server took down, that of the last request first. */
export const getSequences = (): Promise<Sequence[]> => ask('inspector/sequences');

/** The last assertion that the server accepted. */
export const getLastAssertion = async (): Promise<string | undefined> =>
  (await ask<{ assertion?: string }>('inspector/last-assertion')).assertion;

/** Lets the server run every check on an assertion, which does not use it up. */
export const checkAtServer = (
  form: URLSearchParams,
): Promise<Pick<Explanation, 'accepted' | 'checks'>> => ask('inspector/explain', form);

/** What the token endpoint answers to a client that is refused. */
export interface Refusal {
  readonly status: number;
  readonly error?: string;
  readonly error_description?: string;
}

/** Sends an assertion to the token endpoint, as somebody does who has overheard it. */
export async function sendToTokenEndpoint(form: URLSearchParams): Promise<Refusal> {
  const response = await fetch('token', { method: 'POST', body: form });
  return { ...(await response.json()), status: response.status };
}
