import type { AssertionClient } from '../keys/secret.js';
import type { Failure } from '../shared/reasons.js';

/** OpenID Connect Core §9. */
const ASSERTION_METHODS: readonly unknown[] = ['private_key_jwt', 'client_secret_jwt'];
const SECRET_METHODS: readonly unknown[] = ['client_secret_basic', 'client_secret_post'];

type Client = Partial<AssertionClient>;

/** Any truthy value, such as 1 from a database: a mistake must not let a client in. */
export const isDisabled = ({ disabled }: Client): boolean => Boolean(disabled);

/** Null and undefined allow any method. */
export const allowsAssertion = ({ tokenEndpointAuthMethod }: Client, method: string): boolean =>
  (tokenEndpointAuthMethod ?? method) === method;

function isHeldToAssertions({ clientSecretAllowed, tokenEndpointAuthMethod, secrets }: Client) {
  if (clientSecretAllowed === true) return false;
  const method = tokenEndpointAuthMethod ?? undefined;
  if (method !== undefined) return ASSERTION_METHODS.includes(method);
  return Array.isArray(secrets) && secrets.length > 0;
}

/**
 * Whether another strategy must refuse a client: it is disabled, or must authenticate by an
 * assertion because its `tokenEndpointAuthMethod` requires one, or it names no method, has secrets
 * for assertions, and `clientSecretAllowed` is not true. Call it in the verify callbacks of other
 * Passport strategies; `authenticateClient` calls it itself.
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

/** Both ways to send a client_secret count as equal, because client libraries mix them up. */
function fitsPin(pinned: string, method: string | undefined, secretAllowed: boolean): boolean {
  if (method !== undefined) return secretAllowed || SECRET_METHODS.includes(pinned);
  // A certificate, or another method that leaves no trace in the form.
  return !ASSERTION_METHODS.includes(pinned) && !SECRET_METHODS.includes(pinned);
}

/** `sent`: the authentication parameters of the request, for the operator. */
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
