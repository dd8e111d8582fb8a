import { createHash } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { decodeJwt, decodeProtectedHeader } from 'jose';

/** For logs and metrics. Contains no secret: no key, token, code or assertion. */
export interface ClientEvent {
  /**
   * - `assertion_made`: a client assertion was signed.
   * - `token_obtained`, `token_refreshed`, `token_revoked`: the provider has done so.
   * - `refused`: the provider answered with an error; see `error` and `message`.
   * - `refresh_interrupted`: a process began a refresh and never saved the result. If the provider
   *   rotates refresh tokens, that login is lost.
   * - `key_changed`: the server refused a key of a `KeyRing`, which now signs with another key.
   * - `login_begun`, `login_ended`: a user was sent to the provider; a user came back.
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
  /** The issuer identifier of the provider; undefined if the assertion was made without it. */
  readonly issuer?: string | undefined;
  /** The `kid` of an assertion; for `key_changed`, the `kid` of the key that signs from now on. */
  readonly keyId?: string | undefined;
  /** The `aud` of an assertion. */
  readonly audience?: unknown;
  /** SHA-256 of the assertion's `jti`, base64url, as in the server's event. */
  readonly jtiHash?: string | undefined;
  /** The OAuth error code of the provider. */
  readonly error?: string | undefined;
  /** The message of the thrown error. */
  readonly message?: string | undefined;
  /** For `login_ended`: whether the login succeeded. */
  readonly succeeded?: boolean | undefined;
}

const events = channel('passport-private-key-jwt:client');

export function publish(event: () => ClientEvent): void {
  if (events.hasSubscribers) events.publish(event());
}

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
