import { isThenable, withDeadline } from '../assertion/deadline.js';
import { ClientAuthenticationError } from '../errors.js';
import type { Failure } from '../reasons.js';
import type { AssertionClient } from '../secrets/secret.js';

/**
 * Finds a client by its id. It may throw a `ClientAuthenticationError` to refuse the client for a
 * reason of its own; any other error is the server's, and 503.
 *
 * @param clientId as the assertion names it: anything that a caller may write
 * @param context what `validate` was given; the Express request, where the strategy calls
 * @returns the client, or undefined or null where there is none
 */
export type FindClient<Client extends AssertionClient> = (
  clientId: string,
  context: unknown,
) => Client | null | undefined | PromiseLike<Client | null | undefined>;

const isClient = (value: unknown): value is AssertionClient =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as AssertionClient).clientId === 'string' &&
  Array.isArray((value as AssertionClient).secrets);

/**
 * Asks the application for the client. A lookup that throws, hangs or returns something else than a
 * client fails closed; one that returns another client (a database that ignores case) has found
 * none.
 */
export async function lookUpClient<Client extends AssertionClient>(
  findClient: FindClient<Client>,
  clientId: string,
  context: unknown,
  timeout: number,
): Promise<{ readonly client: Client } | { readonly failure: Failure }> {
  try {
    const answer = findClient(clientId, context);
    const client = isThenable(answer)
      ? await withDeadline(answer, timeout, 'The lookup of the client')
      : answer;
    if (client === undefined || client === null) return { failure: { reason: 'unknown_client' } };
    if (!isClient(client)) {
      throw new TypeError('The lookup must return { clientId, secrets: [...] } or undefined.');
    }
    if (client.clientId !== clientId) return { failure: { reason: 'unknown_client' } };
    return { client };
  } catch (error) {
    if (!(error instanceof ClientAuthenticationError)) {
      return { failure: { reason: 'client_lookup_failed', cause: error } };
    }
    const { reason, expected, actual, cause } = error;
    return { failure: { reason, expected, actual, cause } };
  }
}
