import { randomUUID } from 'node:crypto';
import type { OptionNames } from '../shared/option-checks.js';
import { seconds } from './seconds.js';

/** What is used of an authorization server's metadata (RFC 8414 §2). */
export interface AuthorizationServer {
  readonly issuer: string;
  readonly token_endpoint?: string | undefined;
}

/** The value of `aud`, or how it follows from the server's metadata. */
export type Audience =
  | string
  | readonly string[]
  | ((server: AuthorizationServer) => string | readonly string[] | undefined);

const HOUR = 3600;

/** How a JWT is made. Times are in seconds. */
export interface JwtOptions {
  /**
   * The value of `aud`. Default: the issuer identifier of the server. A function is given the
   * metadata of the server: `(server) => server.token_endpoint`.
   */
  readonly audience?: Audience | undefined;
  /** From `iat` to `exp`. Default 60, at most an hour. */
  readonly lifetime?: number | undefined;
  /** The `typ` of the header; false for none. */
  readonly typ?: string | false | undefined;
  /**
   * How far `nbf` lies before `iat`, for servers whose clock is behind; false for no `nbf`.
   * Default 0, at most an hour.
   */
  readonly notBefore?: number | false | undefined;
  /** Further parameters of the header. */
  readonly header?: Readonly<Record<string, unknown>> | undefined;
  /** Further claims. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** The names of `JwtOptions`. */
export const JWT_OPTIONS: OptionNames<JwtOptions> = {
  audience: true,
  lifetime: true,
  typ: true,
  notBefore: true,
  header: true,
  claims: true,
};

/** Options that are checked, with their defaults. */
export interface JwtSettings {
  readonly audience: Audience | undefined;
  readonly lifetime: number;
  readonly notBefore: number | false;
  /** Frozen, so that it is written once for each key. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What is set in another way, so that `header` and `claims` cannot contradict it. */
const SET_ELSEWHERE: Readonly<Record<'header' | 'claims', Readonly<Record<string, string>>>> = {
  header: {
    alg: 'it follows from the key',
    kid: 'set it with the key',
    typ: 'use the option typ',
    crit: 'nothing critical is understood',
    b64: 'nothing critical is understood',
    jwk: 'the server knows the key',
  },
  claims: {
    iss: 'it is the clientId',
    sub: 'it is the clientId',
    client_id: 'it is the clientId',
    aud: 'use the option audience',
    exp: 'use the option lifetime',
    iat: 'use the option clockOffset',
    nbf: 'use the option notBefore',
    jti: 'it is new for every JWT',
  },
};

function members(
  name: 'header' | 'claims',
  value: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const set = Object.entries(SET_ELSEWHERE[name]).find(([member]) => Object.hasOwn(value, member));
  if (set === undefined) return value;
  throw new TypeError(`${name} must not have ${set[0]}: ${set[1]}`);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Whether an audience is fixed, rather than following from the server. */
export const isAudience = (value: unknown): value is string | readonly string[] =>
  isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText));

/** @throws {TypeError} where the value cannot be an `aud` */
export function checkAudience(audience: Audience | undefined): Audience | undefined {
  if (audience === undefined || typeof audience === 'function' || isAudience(audience)) {
    return audience;
  }
  throw new TypeError('audience must be a non-empty string, an array of them, or a function');
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError} with a sentence that says what to change
 */
export function jwtSettings(options: JwtOptions, defaultTyp: string): JwtSettings {
  const { lifetime = 60, typ = defaultTyp, notBefore = 0 } = options;
  if (typ !== false && !isText(typ)) {
    throw new TypeError('typ must be a media type such as JWT, or false for none');
  }
  return {
    audience: checkAudience(options.audience),
    lifetime: seconds('lifetime', lifetime, 1, HOUR),
    notBefore: notBefore === false ? false : seconds('notBefore', notBefore, 0, HOUR),
    header: Object.freeze({ ...members('header', options.header), ...(typ !== false && { typ }) }),
    claims: members('claims', options.claims),
  };
}

/** @throws {TypeError} where the function does not say it */
function audienceFrom(
  audience: Exclude<Audience, string | readonly string[]>,
  server: AuthorizationServer,
): string | readonly string[] {
  const value: unknown = audience(server);
  if (isAudience(value)) return value;
  throw new TypeError(
    value instanceof Promise
      ? 'The function audience returned a Promise: it must not be asynchronous'
      : 'The function audience returned no audience for the server: call createClientToken({ server: config.serverMetadata() }), or set audience',
  );
}

/**
 * The value of `aud`.
 *
 * @throws {TypeError} where neither the options nor the server say it
 */
export function resolveAudience(
  audience: Audience | undefined,
  server: AuthorizationServer | undefined,
): string | readonly string[] {
  if (isAudience(audience)) return audience;
  if (server === undefined) {
    throw new TypeError(
      'The audience is not known: give the AssertionService the issuer of the server, or an audience, or call it with { server: config.serverMetadata() }',
    );
  }
  return audience === undefined ? server.issuer : audienceFrom(audience, server);
}

/** The claims that say when a JWT is valid, and its identifier. */
export function validityClaims(
  { lifetime, notBefore }: JwtSettings,
  clockOffset: number,
): Record<string, unknown> {
  const iat = Math.floor(Date.now() / 1000 + clockOffset);
  return {
    iat,
    ...(notBefore !== false && { nbf: iat - notBefore }),
    exp: iat + lifetime,
    jti: randomUUID(),
  };
}
