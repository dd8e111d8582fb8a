import type { OptionNames } from '../shared/option-checks.js';
import { JWT_OPTIONS, type JwtOptions } from './jwt-options.js';
import { KEY_DEMANDS, type KeyDemands } from './keys/key-demands.js';
import type { KeyRing } from './keys/key-ring.js';
import { KEY_OPTIONS } from './keys/local-key.js';
import type { SigningKeyInput } from './keys/signing-key.js';

/** How request objects are made; their key, and how it is named, are those of the assertions. */
export interface RequestObjectSigningOptions extends JwtOptions {
  readonly algorithms?: never;
  readonly keyHeader?: never;
}

/**
 * Options of an `AssertionService`: who the client is, its key, and how its assertions are made.
 * Times are in seconds. `typ` defaults to `client-authentication+jwt`; servers that know only
 * RFC 7523 may want `'JWT'` or false.
 */
export interface AssertionServiceOptions extends JwtOptions, KeyDemands {
  readonly clientId: string;
  /** The private key: anything that `SigningKey.from` takes; or several that follow each other. */
  readonly key: SigningKeyInput | KeyRing;
  /**
   * The issuer identifier of the server, which is `aud` unless `audience` says otherwise. Not
   * needed with openid-client, which knows it. Where both do they must agree to the letter, so that
   * no assertion for one server is sent to another.
   */
  readonly issuer?: string | undefined;
  /** Added to this machine's clock, for one that is wrong, by a day at most. Default 0. */
  readonly clockOffset?: number | undefined;
  /** How request objects are made. `typ` defaults to `oauth-authz-req+jwt` (RFC 9101 §10.8). */
  readonly requestObject?: RequestObjectSigningOptions | undefined;
}

/** The names of `AssertionServiceOptions`. */
export const ASSERTION_SERVICE_OPTIONS: OptionNames<AssertionServiceOptions> = {
  clientId: true,
  key: true,
  issuer: true,
  clockOffset: true,
  requestObject: true,
  ...JWT_OPTIONS,
  ...KEY_DEMANDS,
};

/** What is said of an option of the key that is given next to it. */
export const KEY_HINTS = Object.fromEntries(
  Object.keys(KEY_OPTIONS).map((name) => [name, `use key: { key, ${name} }`]),
);

/** A preset says how the assertions for one endpoint are made; a request object is for another. */
export const REQUEST_OBJECT_HINTS = Object.fromEntries(
  Object.keys(KEY_DEMANDS).map((name) => [name, 'it is no preset, and has the same key']),
);
