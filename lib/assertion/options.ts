import type { JwksUriOptions, RemoteJwkSets } from '../keys/jwks-uri.js';
import type { ReplayStore } from '../replay/store.js';
import type { Algorithm } from '../shared/algorithms.js';
import type { AuthenticationEvent } from '../shared/events.js';
import type { OptionNames } from '../shared/option-checks.js';

/** Options of the validation of client assertions. Times are in seconds. */
export interface ClientAssertionOptions {
  /**
   * Which `aud` is accepted. `compatible` (default): the issuer, the token endpoint or the URL of
   * the endpoint being called, alone or among others. `strict`: the issuer identifier alone, and
   * `typ` must be `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis).
   */
  readonly audience?: 'compatible' | 'strict' | undefined;
  /** Further values of `aud` that `compatible` accepts. Default none. */
  readonly additionalAudiences?: readonly string[] | undefined;
  /** Lets `aud` differ by one slash at its end in `compatible`. Default false. */
  readonly ignoreTrailingSlash?: boolean | undefined;
  /** The `alg` values accepted. Default: all of `ALGORITHMS`; HS* need a symmetric secret. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** How far clocks may differ. Default 60. */
  readonly clockTolerance?: number | undefined;
  /** The longest that an assertion may be valid for. Default 600. A client's own goes first. */
  readonly maxLifetime?: number | undefined;
  /** In characters; a longer assertion is not decoded. Default 16384. */
  readonly maxAssertionLength?: number | undefined;
  /** Remembers used assertions. Default a `MemoryReplayStore`, which serves one process. */
  readonly replay?: ReplayStore | undefined;
  /** How long the replay store may take before the request fails closed. Default 2. */
  readonly replayTimeout?: number | undefined;
  /** How long the lookup of a client may take before the request fails closed. Default 10. */
  readonly lookupTimeout?: number | undefined;
  /**
   * How many imported keys of clients are kept in memory, 2 to 4 kB each. Where more are in use they
   * are imported again and again. Default 10,000.
   */
  readonly maxCachedKeys?: number | undefined;
  /** Whether the validity period of a certificate counts as its secret's. Default true. */
  readonly certificateValidity?: boolean | undefined;
  /**
   * How the keys of clients with a `jwks_uri` are fetched and kept; or a `RemoteJwkSets`, so that
   * others can share it.
   */
  readonly jwksUri?: JwksUriOptions | RemoteJwkSets | undefined;
  /** Reports a secret in use that expires within this time. Default 30 days; 0 for never. */
  readonly secretExpiryWarning?: number | undefined;
  /**
   * Also takes `urn:ietf:params:oauth:grant-type:jwt-bearer` as `client_assertion_type`, which
   * some clients send by mistake. Default false.
   */
  readonly acceptGrantTypeAsAssertionType?: boolean | undefined;
  /** Tells callers the precise reason of a refusal. Default false: it helps attackers too. */
  readonly detailedErrors?: boolean | undefined;
  /**
   * Called once for each authentication, successful or not. What it throws, or rejects with, becomes
   * a process warning and nothing else.
   */
  readonly onAuthentication?: ((event: AuthenticationEvent) => unknown) | undefined;
  /** The time in milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

export const CLIENT_ASSERTION_OPTIONS: OptionNames<ClientAssertionOptions> = {
  audience: true,
  additionalAudiences: true,
  ignoreTrailingSlash: true,
  algorithms: true,
  clockTolerance: true,
  maxLifetime: true,
  maxAssertionLength: true,
  replay: true,
  replayTimeout: true,
  lookupTimeout: true,
  maxCachedKeys: true,
  certificateValidity: true,
  jwksUri: true,
  secretExpiryWarning: true,
  acceptGrantTypeAsAssertionType: true,
  detailedErrors: true,
  onAuthentication: true,
  clock: true,
};

/** What to do in place of options that others have. */
export const CLIENT_ASSERTION_HINTS = {
  strict: "use audience: 'strict'",
  clockSkew: 'use clockTolerance',
};
