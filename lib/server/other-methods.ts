import type { IncomingMessage } from 'node:http';
import { type ClientAssertionParameters, methodsIn } from '../assertion/parameters.js';
import type { AssertionClient } from '../keys/secret.js';
import type { ExpressRequest } from '../shared/http.js';
import type { Failure } from '../shared/reasons.js';

// Requests without an assertion, of which other strategies decide.

/** What a request carries for client authentication. */
export interface Sent {
  readonly form: ClientAssertionParameters;
  readonly authorization: string | undefined;
}

export function sentIn({ body, headers }: ExpressRequest): Sent {
  const form = typeof body === 'object' && body !== null ? body : {};
  return { form, authorization: headers.authorization };
}

const methodsOf = ({ form, authorization }: Sent): string[] =>
  methodsIn(form, authorization !== undefined);

/** The method of OpenID Connect Core §9 by which another strategy has accepted a request. */
export function methodIn(sent: Sent): string | undefined {
  const [method] = methodsOf(sent);
  if (method === 'client_secret') return 'client_secret_post';
  return /^basic /i.test(sent.authorization ?? '') ? 'client_secret_basic' : undefined;
}

/** What can be held to its method: a client that says what secrets it has, or how it may prove itself. */
type Pinned = Partial<AssertionClient> & Pick<AssertionClient, 'clientId'>;

export function isPinned(user: unknown): user is Pinned {
  if (typeof user !== 'object' || user === null) return false;
  const { clientId, secrets, tokenEndpointAuthMethod, clientSecretAllowed } =
    user as Partial<AssertionClient>;
  const says =
    Array.isArray(secrets) ||
    typeof tokenEndpointAuthMethod === 'string' ||
    clientSecretAllowed === true;
  return typeof clientId === 'string' && says;
}

export const NOT_PINNED =
  'Another strategy has accepted a client, but gave neither its clientId nor its secrets, so that it cannot be held to assertions: let the verify callback give the client itself, with secrets: [] where it has no keys.';

/** Another strategy has accepted a client that must use assertions. */
export const assertionRequired = (sent: Sent): Failure => ({
  reason: 'assertion_required',
  expected: ['client_assertion'],
  actual: methodsOf(sent),
});

/** No strategy has found anything to accept, and ours no assertion: perhaps no form either. */
export function absence(
  { headers }: IncomingMessage,
  sent: Sent,
  strategies: readonly string[],
): Failure {
  const contentType = `content-type=${headers['content-type'] ?? 'none'}`;
  return {
    reason: 'client_assertion_absent',
    expected: strategies,
    actual: [contentType, ...methodsOf(sent)],
  };
}
