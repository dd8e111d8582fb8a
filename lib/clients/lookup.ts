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

type Found<Client> = Client | null | undefined | false;

/** A lookup in the way of Passport's verify callbacks: it calls `done` with an error, or null and the client. */
export type FindClientWithDone<Client extends AssertionClient> = (
  clientId: string,
  request: unknown,
  done: (error: unknown, client?: Found<Client>) => void,
  // biome-ignore lint/suspicious/noConfusingVoidType: a lookup that calls `done` returns nothing
) => void | PromiseLike<void>;

/**
 * Makes a lookup that may call `done` into one that returns the client or a promise. One with a third
 * parameter answers by `done` unless it returns or resolves with a client. One with rest parameters
 * may, as the mixin of `@nestjs/passport` does.
 */
export function withoutDone<Client extends AssertionClient>(
  findClient: FindClient<Client> | FindClientWithDone<Client>,
): FindClient<Client> {
  const ask = findClient as (
    ...parameters: unknown[]
  ) => Found<Client> | PromiseLike<Found<Client>>;
  if (typeof ask !== 'function' || ask.length === 1 || ask.length === 2) {
    return findClient as FindClient<Client>;
  }
  return (clientId, request) => {
    let answered = ask.length > 2;
    let settle: (error: unknown, client: Found<Client>) => void = () => {};
    const byDone = new Promise<Found<Client>>((resolve, reject) => {
      settle = (error, client) => (error ? reject(error) : resolve(client));
    });
    byDone.catch(() => {}); // It is unused if the lookup answers in another way.
    const answer = ask(clientId, request, (error: unknown, client: Found<Client>) => {
      answered = true;
      settle(error, client);
    });
    const resolved = (found: Found<Client>) => (found === false ? undefined : found);
    const orByDone = (found: Found<Client>) =>
      found === undefined && answered ? byDone.then(resolved) : resolved(found);
    return isThenable(answer) ? answer.then(orByDone) : orByDone(answer);
  };
}

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
