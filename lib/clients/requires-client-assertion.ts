import type { AssertionClient } from '../keys/secret.js';

/** The methods of OpenID Connect Core §9 that are assertions. */
const ASSERTION_METHODS: readonly unknown[] = ['private_key_jwt', 'client_secret_jwt'];

/**
 * Whether a client must prove itself by an assertion: its `tokenEndpointAuthMethod` says so, or it
 * names none and has secrets for assertions; and it is not allowed a plain client_secret besides.
 * For the verify callbacks of other strategies behind `passport.authenticate`; `authenticateClient`
 * holds clients to it by itself, and tells the operator of each.
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
export function requiresClientAssertion(client: Partial<AssertionClient>): boolean {
  if (client.clientSecretAllowed === true) return false;
  const method = client.tokenEndpointAuthMethod ?? undefined;
  if (method !== undefined) return ASSERTION_METHODS.includes(method);
  return Array.isArray(client.secrets) && client.secrets.length > 0;
}
