const requests = new WeakSet<object>();

/** Remembers that the client of a request has proved itself by an assertion. */
export function noteAssertionUsed(request: object): void {
  requests.add(request);
}

/**
 * Whether the client of a request has proved itself by an assertion. Unlike `req.authInfo` this is
 * something that no other strategy and no `transformAuthInfo` can write.
 */
export const assertionUsed = (request: object): boolean => requests.has(request);
