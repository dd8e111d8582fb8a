import type { Audience, AuthorizationServer } from './jwt-options.js';

/** What one JWT is made for; overrides the options of the service. */
export interface JwtContext {
  /** The value of `aud`. */
  readonly audience?: Audience | undefined;
  /** The metadata of the server that gets the JWT. */
  readonly server?: AuthorizationServer | undefined;
  /** In seconds, added to the `clockOffset` of the service. */
  readonly clockOffset?: number | undefined;
}

/** What the client proves its identity with: an `AssertionService`, or assertions from elsewhere. */
export interface AssertionSource {
  readonly clientId: string;
  /** The issuer identifier of the server that the assertions are for; undefined if any. */
  readonly issuer?: string | undefined;
  /** A client assertion for one request (RFC 7523 §3). */
  createClientToken(context?: JwtContext): Promise<string>;
}

/** Whether a value can be asked for assertions. */
export const isAssertionSource = (value: unknown): value is AssertionSource => {
  const { clientId, createClientToken } = (value ?? {}) as Partial<AssertionSource>;
  return typeof clientId === 'string' && typeof createClientToken === 'function';
};
