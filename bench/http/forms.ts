import { CLIENT_ASSERTION_TYPE } from 'passport-private-key-jwt';
import { CLIENT_ID, type Keys, newAssertion } from '../assertions.js';

const form = (authentication: Readonly<Record<string, string>>): string =>
  new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: CLIENT_ID,
    ...authentication,
  }).toString();

/** The forms of token requests, each with an assertion of its own. */
export const formsWithAssertions = (keys: Keys, count: number): string[] =>
  Array.from({ length: count }, () =>
    form({
      client_assertion_type: CLIENT_ASSERTION_TYPE,
      client_assertion: newAssertion(keys),
    }),
  );

/** The forms of token requests with a `client_secret`. */
export const formsWithSecrets = (count: number): string[] =>
  new Array<string>(count).fill(form({ client_secret: CLIENT_ID }));
