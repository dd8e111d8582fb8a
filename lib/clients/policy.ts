import type { AssertionClient } from '../keys/secret.js';
import type { Failure } from '../shared/reasons.js';

// What a client may do, whatever it authenticates by. The pipeline of assertions, `otherwise` of
// authenticateClient, and the MCP router all decide by these rules.

/** The methods of OpenID Connect Core §9 that are assertions. */
const ASSERTION_METHODS: readonly unknown[] = ['private_key_jwt', 'client_secret_jwt'];
const SECRET_METHODS: readonly unknown[] = ['client_secret_basic', 'client_secret_post'];

type Client = Partial<AssertionClient>;

/** Any truthy value disables, such as a database's 1: a mistake must not let a client in. */
export const isDisabled = ({ disabled }: Client): boolean => Boolean(disabled);

/** Whether a client may authenticate by an assertion of this method; null and undefined pin nothing. */
export const allowsAssertion = ({ tokenEndpointAuthMethod }: Client, method: string): boolean =>
  (tokenEndpointAuthMethod ?? method) === method;

/** Whether a client must use an assertion, although a plain secret may be right. */
function isHeldToAssertions({ clientSecretAllowed, tokenEndpointAuthMethod, secrets }: Client) {
  if (clientSecretAllowed === true) return false;
  const method = tokenEndpointAuthMethod ?? undefined;
  if (method !== undefined) return ASSERTION_METHODS.includes(method);
  return Array.isArray(secrets) && secrets.length > 0;
}

/**
 * Whether another strategy must refuse a client: it is disabled; or it has to prove itself by an
 * assertion, because its `tokenEndpointAuthMethod` says so, or because it names no method and has
 * secrets for assertions, and `clientSecretAllowed` is not true. For the verify callbacks of other
 * strategies in Passport's own list; `authenticateClient` asks by itself.
 *
 * @example
 * ```ts
 * passport.use(new ClientPasswordStrategy((clientId, clientSecret, done) => {
 *   const client = clients.get(clientId);
 *   if (!client || requiresClientAssertion(client)) done(null, false);
 *   else done(null, isSecretOf(client, clientSecret) && client);
 * }));
 * ```
 */
export const requiresClientAssertion = (client: Client): boolean =>
  isDisabled(client) || isHeldToAssertions(client);

/**
 * Whether a request that shows this method, or none, can be by the method that is pinned. The two ways
 * to send a client_secret prove the same, and client libraries mix them up.
 */
function fitsPin(pinned: string, method: string | undefined, secretAllowed: boolean): boolean {
  if (method !== undefined) return secretAllowed || SECRET_METHODS.includes(pinned);
  // A certificate, or another way that the form does not show.
  return !ASSERTION_METHODS.includes(pinned) && !SECRET_METHODS.includes(pinned);
}

/**
 * Why a client that another method has accepted may not go on; undefined if it may.
 *
 * @param method `client_secret_basic`, `client_secret_post`, or undefined if the request shows none
 * @param sent what the request carries for authentication, for the operator
 */
export function failureWithoutAssertion(
  client: Client,
  method: string | undefined,
  sent: readonly string[],
): Failure | undefined {
  if (isDisabled(client)) {
    return { reason: 'client_disabled', expected: 'enabled', actual: 'disabled' };
  }
  if (isHeldToAssertions(client)) {
    return { reason: 'assertion_required', expected: ['client_assertion'], actual: sent };
  }
  const pinned = client.tokenEndpointAuthMethod ?? undefined;
  const secretAllowed = client.clientSecretAllowed === true;
  if (pinned === undefined || fitsPin(pinned, method, secretAllowed)) return undefined;
  return { reason: 'client_method_mismatch', expected: pinned, actual: method ?? 'none' };
}
