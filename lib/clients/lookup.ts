import type { AssertionClient } from '../keys/secret.js';
import { isThenable, withDeadline } from '../shared/deadline.js';
import { ClientAuthenticationError } from '../shared/errors.js';
import type { Failure } from '../shared/reasons.js';

/**
 * Finds a client by its id: returns the client, resolves to it, or calls `done` (Passport's
 * convention; the function must then declare three parameters). The first answer counts. To refuse
 * the client for your own reason, throw a `ClientAuthenticationError`; any other error is answered
 * with 503.
 * @param clientId untrusted: the client id in the assertion, or the `client_id` parameter of a
 *   request with a platform's assertion
 * @param context the `context` of `validate`; with the strategy, the Express request
 * @param done `done(error)`, `done(null, client)`, or `done(null)` if the client does not exist
 * @returns the client; undefined or null if it does not exist
 */
export type FindClient<Client extends AssertionClient> = (
  clientId: string,
  context: unknown,
  done: (error: unknown, client?: Client | null | false) => void,
) => Found<Client> | PromiseLike<Found<Client>>;

// biome-ignore lint/suspicious/noConfusingVoidType: a function that calls `done` returns nothing.
type Found<Client> = Client | null | undefined | void;

/** A client without secrets is valid, but its assertions are never accepted. */
function isClient(value: NonNullable<unknown>): value is AssertionClient {
  const { clientId, secrets } = value as Partial<AssertionClient>;
  return typeof clientId === 'string' && Array.isArray(secrets ?? []);
}

export type Lookup<Client> =
  | { readonly client: Client; readonly failure?: undefined }
  | { readonly client?: undefined; readonly failure: Failure };

function clientIn<Client extends AssertionClient>(
  answer: Found<Client> | false,
  clientId: string,
): Lookup<Client> {
  if (answer === undefined || answer === null || answer === false) {
    return { failure: { reason: 'unknown_client' } };
  }
  if (!isClient(answer)) {
    throw new TypeError(
      'The lookup must return { clientId, secrets: [...] } or undefined; clientFromMetadata makes a client from RFC 7591 metadata.',
    );
  }
  if (answer.clientId !== clientId) return { failure: { reason: 'unknown_client' } };
  // Some databases return numbers as text: '600' and the tolerance would add up to 60060.
  if (!Number.isFinite(answer.maxLifetime ?? 0)) {
    throw new TypeError("The client's maxLifetime must be a finite number of seconds.");
  }
  return { client: answer };
}

function failureOf(error: unknown): { readonly failure: Failure } {
  if (!(error instanceof ClientAuthenticationError)) {
    return { failure: { reason: 'client_lookup_failed', cause: error } };
  }
  const { reason, expected, actual, cause } = error;
  return { failure: { reason, expected, actual, cause } };
}

/** Only the first call of `done` counts. */
class Callback<Client> {
  answer:
    | { readonly error: unknown; readonly client: Client | null | undefined | false }
    | undefined;
  onAnswer: (() => void) | undefined;

  readonly done = (error: unknown, client?: Client | null | false): void => {
    if (this.answer !== undefined) return;
    this.answer = { error, client };
    this.onAnswer?.();
  };

  get client(): Client | null | undefined | false {
    const { error, client } = this.answer ?? {};
    if (error !== undefined && error !== null) throw error;
    return client;
  }
}

function firstAnswer<Client>(
  callback: Callback<Client>,
  promise: unknown,
  usesDone: boolean,
): Promise<Found<Client> | false> {
  return new Promise((resolve, reject) => {
    callback.onAnswer = () => {
      try {
        resolve(callback.client);
      } catch (error) {
        reject(error);
      }
    };
    if (!isThenable(promise)) return;
    // An async function that calls `done` resolves to undefined, possibly before it calls `done`.
    const settle = (value: unknown) => {
      if (value !== undefined || !usesDone) resolve(value as Found<Client>);
    };
    promise.then(settle, reject);
  });
}

/** In any convention. A promise only if the lookup does not answer at once. */
export function askForClient<Client extends AssertionClient>(
  findClient: FindClient<Client>,
  clientId: string,
  context: unknown,
): Found<Client> | false | Promise<Found<Client> | false> {
  const callback = new Callback<Client>();
  const usesDone = findClient.length > 2;
  let returned: unknown;
  try {
    returned = findClient(clientId, context, callback.done);
  } catch (error) {
    if (callback.answer === undefined) throw error;
  }
  if (callback.answer !== undefined) {
    if (isThenable(returned)) returned.then(undefined, () => undefined);
    return callback.client;
  }
  if (isThenable(returned) || (usesDone && returned === undefined)) {
    return firstAnswer(callback, returned, usesDone);
  }
  return returned as Found<Client>;
}

/** Fails closed. Another client than asked for (a database that ignores case) counts as unknown. */
export function lookUpClient<Client extends AssertionClient>(
  findClient: FindClient<Client>,
  clientId: string,
  context: unknown,
  timeout: number,
): Lookup<Client> | Promise<Lookup<Client>> {
  try {
    const answer = askForClient(findClient, clientId, context);
    if (!isThenable(answer)) return clientIn(answer, clientId);
    return withDeadline(answer, timeout, 'The lookup of the client')
      .then((client) => clientIn(client, clientId))
      .catch(failureOf);
  } catch (error) {
    return failureOf(error);
  }
}
