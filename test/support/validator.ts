import {
  type AssertionClient,
  CLIENT_ASSERTION_TYPE,
  type ClientAssertionOptions,
  ClientAssertionValidator,
  ClientAuthenticationError,
  type Reason,
} from '../../lib/index.js';
import { ISSUER, TOKEN_ENDPOINT } from './assertion.js';

/** A validator of assertions of these clients. */
export const validatorOf = (
  clients: readonly AssertionClient[],
  options: ClientAssertionOptions = {},
): ClientAssertionValidator =>
  new ClientAssertionValidator(options, (clientId) =>
    clients.find((client) => client.clientId === clientId),
  );

/** A request to the token endpoint with an assertion. */
export const requestWith = (client_assertion: string) => ({
  issuer: ISSUER,
  tokenEndpoint: TOKEN_ENDPOINT,
  parameters: { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE },
});

/** Why an assertion is refused; undefined where it is accepted. */
export async function outcome(
  validator: ClientAssertionValidator,
  assertion: string,
): Promise<Reason | undefined> {
  try {
    await validator.validate(requestWith(assertion));
    return undefined;
  } catch (error) {
    if (error instanceof ClientAuthenticationError) return error.reason;
    throw error;
  }
}
