import type { Configuration, DPoPHandle } from 'openid-client';
import type { OptionNames } from '../../shared/option-checks.js';
import type { TokenStore } from './token-store.js';
import type { UserTokenRequest } from './user-token-store.js';

/** Options of a `UserTokenManager`. Times are in seconds. */
export interface UserTokenManagerOptions<Request extends UserTokenRequest = UserTokenRequest> {
  /** The result of openid-client's `discovery`, made with `clientAssertion(assertions)`. */
  readonly config: Configuration;
  /** Keeps the tokens under the id of the session. Default: they are kept in the session itself. */
  readonly store?: TokenStore | undefined;
  /** For how long the store keeps tokens that are not used. Default 86400, a day; at most a year. */
  readonly keepFor?: number | undefined;
  /** The member of the session that has the tokens. Default `tokens`. */
  readonly sessionMember?: string | undefined;
  /**
   * How long before its expiry a token is renewed; at most half of its lifetime. Default 60, at most
   * an hour.
   */
  readonly renewBefore?: number | undefined;
  /** The DPoP handle that the user's tokens are bound to (RFC 9449). */
  readonly DPoP?: ((request: Request) => DPoPHandle | undefined) | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

/** The names of `UserTokenManagerOptions`. */
export const USER_TOKEN_MANAGER_OPTIONS: OptionNames<UserTokenManagerOptions> = {
  config: true,
  store: true,
  keepFor: true,
  sessionMember: true,
  renewBefore: true,
  DPoP: true,
  clock: true,
};
