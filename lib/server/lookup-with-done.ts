import type { FindClient } from '../clients/lookup.js';
import type { AssertionClient } from '../keys/secret.js';
import { isThenable } from '../shared/deadline.js';

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
