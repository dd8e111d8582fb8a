import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { CLIENT_ASSERTION_TYPE } from '../../lib/index.js';
import { type KeyPair, keyPair } from './keys.js';

export const ISSUER = 'https://as.example';
export const TOKEN_ENDPOINT = 'https://as.example/token';

/** How an assertion differs from a valid one; a member that is undefined is left out. */
export interface Differences {
  readonly pair?: KeyPair;
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
}

export const seconds = (): number => Math.floor(Date.now() / 1000);

/** The claims of a valid assertion of `clientId`. */
export function validClaims(clientId = 'client'): Record<string, unknown> {
  const now = seconds();
  return {
    iss: clientId,
    sub: clientId,
    aud: ISSUER,
    exp: now + 60,
    iat: now,
    jti: randomUUID(),
  };
}

const withoutUndefined = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));

/** An assertion signed with jose, valid but for the differences. */
export function signAssertion(
  clientId = 'client',
  { pair = keyPair('ES256'), header = {}, claims = {} }: Differences = {},
): Promise<string> {
  return new SignJWT(withoutUndefined({ ...validClaims(clientId), ...claims }))
    .setProtectedHeader(withoutUndefined({ alg: pair.alg, ...header }) as { alg: string })
    .sign(pair.privateKey);
}

/** The form that carries an assertion. */
export const assertionForm = (
  client_assertion: string,
  more: Record<string, string> = {},
): URLSearchParams =>
  new URLSearchParams({ client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE, ...more });
