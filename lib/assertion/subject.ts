import type { CompactJws } from '../keys/compact-jws.js';
import type { AssertionClient } from '../keys/secret.js';
import type { Rules } from './settings.js';

/** The server, as an assertion may name it in `aud`. */
export interface ServerIdentity {
  /** The issuer identifier of the authorization server (RFC 8414 §2). */
  readonly issuer: string;
  /** The URL of the token endpoint. */
  readonly tokenEndpoint?: string | undefined;
  /** The URL of the endpoint being called, where it is another one. */
  readonly endpoint?: string | undefined;
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

const isOptionalName = (value: unknown): boolean => value === undefined || isName(value);

/**
 * Refuses a server without a name: an assertion without `aud` would fit it.
 *
 * @throws {TypeError}
 */
export function checkServerIdentity({ issuer, tokenEndpoint, endpoint }: ServerIdentity): void {
  if (!isName(issuer)) throw new TypeError('issuer must be the issuer identifier, a URL');
  if (!isOptionalName(tokenEndpoint)) throw new TypeError('tokenEndpoint must be a URL');
  if (!isOptionalName(endpoint)) throw new TypeError('endpoint must be a URL');
}

/** What the checks that all signed JWTs share look at. */
export interface JwtSubject {
  readonly jws: CompactJws;
  readonly settings: Pick<Rules, 'algorithms' | 'clockTolerance'>;
  /** Whole seconds since the epoch. */
  readonly now: number;
}

/** What the checks look at before the client is known. */
export interface AssertionSubject extends JwtSubject {
  readonly settings: Rules;
  /** The `client_id` parameter of the request. */
  readonly clientIdParameter: string | undefined;
  readonly server: ServerIdentity;
}

/** What the checks look at once the client is known. */
export interface ClientSubject extends AssertionSubject {
  readonly client: AssertionClient;
}
