import { createHash } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { decodeJwt, decodeProtectedHeader } from 'jose';

/**
 * What happens in the client half, for logs and metrics. Nothing in it is a secret: no key, token,
 * code or assertion.
 */
export interface ClientEvent {
  /**
   * - `assertion_made`: a client assertion was signed.
   * - `token_obtained`, `token_refreshed`, `token_revoked`: the provider has done so.
   * - `refused`: the provider has answered with an error; `error` and `message` say which.
   * - `refresh_interrupted`: a process began a refresh and never saved what came of it. If the
   *   provider replaces refresh tokens, that login is lost.
   * - `key_changed`: the server has refused a key of a `KeyRing`, which now signs with another one.
   * - `login_begun`, `login_ended`: a user was sent to the provider; a user has come back.
   */
  readonly type:
    | 'assertion_made'
    | 'token_obtained'
    | 'token_refreshed'
    | 'token_revoked'
    | 'refused'
    | 'refresh_interrupted'
    | 'key_changed'
    | 'login_begun'
    | 'login_ended';
  readonly clientId: string;
  /** The issuer identifier of the provider; undefined if an assertion was made without it. */
  readonly issuer?: string | undefined;
  /** The `kid` of an assertion; of `key_changed`, that of the key that signs from now on. */
  readonly keyId?: string | undefined;
  /** The `aud` of an assertion. */
  readonly audience?: unknown;
  /** The SHA-256 hash of the `jti` of an assertion, base64url: the server's event has the same. */
  readonly jtiHash?: string | undefined;
  /** The OAuth error code of the provider. */
  readonly error?: string | undefined;
  /** The message of the error that was thrown. */
  readonly message?: string | undefined;
  /** Of `login_ended`: whether the user has logged in. */
  readonly succeeded?: boolean | undefined;
}

/** Publishes every `ClientEvent`. */
const events = channel('passport-private-key-jwt:client');

/** Tells the operator, if anything listens. */
export function publish(event: () => ClientEvent): void {
  if (events.hasSubscribers) events.publish(event());
}

/** The event of an assertion, which tells of it without having it. */
export function assertionMade(
  clientId: string,
  issuer: string | undefined,
  assertion: string,
): ClientEvent {
  const { aud, jti = '' } = decodeJwt(assertion);
  return {
    type: 'assertion_made',
    clientId,
    issuer,
    keyId: decodeProtectedHeader(assertion).kid,
    audience: aud,
    jtiHash: createHash('sha256').update(jti).digest('base64url'),
  };
}
