import type { AssertionClient } from '../keys/secret.js';
import { isThenable, withDeadline } from '../shared/deadline.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import type { Failure } from '../shared/reasons.js';

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

/** One without secrets is a client too, of whom no assertion can be accepted. */
function isClient(value: unknown): value is AssertionClient {
  if (typeof value !== 'object' || value === null) return false;
  const { clientId, secrets } = value as Partial<AssertionClient>;
  return typeof clientId === 'string' && Array.isArray(secrets ?? []);
}

/** What came of a lookup. */
export type Lookup<Client> =
  | { readonly client: Client; readonly failure?: undefined }
  | { readonly client?: undefined; readonly failure: Failure };

function clientIn<Client extends AssertionClient>(
  answer: Client | null | undefined,
  clientId: string,
): Lookup<Client> {
  if (answer === undefined || answer === null) return { failure: { reason: 'unknown_client' } };
  if (!isClient(answer)) {
    throw new TypeError(
      'The lookup must return { clientId, secrets: [...] } or undefined; clientFromMetadata makes one of RFC 7591 metadata.',
    );
  }
  if (answer.clientId !== clientId) return { failure: { reason: 'unknown_client' } };
  return { client: answer };
}

function failureOf(error: unknown): { readonly failure: Failure } {
  if (!(error instanceof ClientAuthenticationError)) {
    return { failure: { reason: 'client_lookup_failed', cause: error } };
  }
  const { reason, expected, actual, cause } = error;
  return { failure: { reason, expected, actual, cause } };
}

async function waitForClient<Client extends AssertionClient>(
  answer: PromiseLike<Client | null | undefined>,
  clientId: string,
  timeout: number,
): Promise<Lookup<Client>> {
  try {
    return clientIn(await withDeadline(answer, timeout, 'The lookup of the client'), clientId);
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * Asks the application for the client. A lookup that throws, hangs or returns something else than a
 * client fails closed; one that returns another client (a database that ignores case) has found
 * none.
 *
 * @param timeout in seconds
 * @returns a promise only where the application does
 */
export function lookUpClient<Client extends AssertionClient>(
  findClient: FindClient<Client>,
  clientId: string,
  context: unknown,
  timeout: number,
): Lookup<Client> | Promise<Lookup<Client>> {
  try {
    const answer = findClient(clientId, context);
    return isThenable(answer)
      ? waitForClient(answer, clientId, timeout)
      : clientIn(answer, clientId);
  } catch (error) {
    return failureOf(error);
  }
}
