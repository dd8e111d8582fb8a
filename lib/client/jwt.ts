import { randomUUID } from 'node:crypto';
import {
  type OptionTable,
  type Reader,
  requiredText,
  type Settings,
  seconds,
} from '../shared/options.js';

export interface AuthorizationServer {
  readonly issuer: string;
  readonly token_endpoint?: string | undefined;
}

/** Or a function that takes it from the server's metadata. */
export type Audience =
  | string
  | readonly string[]
  | ((server: AuthorizationServer) => string | readonly string[] | undefined);

/** Without openid-client, like this whole file: the command line makes keys without it. */
export const CLIENT_OPTIONS = { clientId: requiredText } satisfies OptionTable<{
  readonly clientId: string;
}>;

type Members = Readonly<Record<string, unknown>>;

const HOUR = 3600;

/** How to make a JWT. Times are in seconds. */
export interface JwtOptions {
  /**
   * The value of `aud`. Default: the issuer identifier of the server. A function receives the
   * server's metadata: `(server) => server.token_endpoint`.
   */
  readonly audience?: Audience | undefined;
  /** From `iat` to `exp`. Default 60, at most an hour. */
  readonly lifetime?: number | undefined;
  /** The `typ` of the header; false for none. */
  readonly typ?: string | false | undefined;
  /** Before `iat`, for servers whose clock is behind; false for none. At most 3600; default 0. */
  readonly notBefore?: number | false | undefined;
  /** More parameters of the header. */
  readonly header?: Members | undefined;
  /** More claims. */
  readonly claims?: Members | undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

export const isFixedAudience = (value: unknown): value is string | readonly string[] =>
  isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText));

export const audience: Reader<Audience | undefined> = (_name, value) => {
  if (value === undefined || typeof value === 'function' || isFixedAudience(value)) {
    return value as Audience | undefined;
  }
  throw new TypeError('audience must be a non-empty string, an array of them, or a function');
};

const typ =
  (fallback: string): Reader<string | false> =>
  (_name, value = fallback) => {
    if (value === false || isText(value)) return value;
    throw new TypeError('typ must be a media type such as JWT, or false for none');
  };

const notBefore: Reader<number | false> = (name, value) =>
  value === false ? false : seconds(0, 0, HOUR)(name, value);

/** Whether a value is an object whose own members are what it contains; a list or a Map is not. */
const isRecord = (value: unknown): value is Members =>
  Object.prototype.toString.call(value) === '[object Object]';

/** Refuses members that have an option of their own. */
const members =
  (setElsewhere: Readonly<Record<string, string>>): Reader<Members> =>
  (name, value = {}) => {
    if (!isRecord(value)) throw new TypeError(`${name} must be an object`);
    const given = value;
    const set = Object.entries(setElsewhere).find(([member]) => Object.hasOwn(given, member));
    if (set === undefined) return given;
    throw new TypeError(`${name} must not have ${set[0]}: ${set[1]}`);
  };

export const jwtOptions = (defaultTyp: string) =>
  ({
    audience,
    lifetime: seconds(60, 1, HOUR),
    typ: typ(defaultTyp),
    notBefore,
    header: members({
      alg: 'it follows from the key',
      kid: 'set it with the key',
      typ: 'use the option typ',
      crit: 'critical members are not supported',
      b64: 'critical members are not supported',
      jwk: 'the server knows the key',
    }),
    claims: members({
      iss: 'it is the clientId',
      sub: 'it is the clientId',
      client_id: 'it is the clientId',
      aud: 'use the option audience',
      exp: 'use the option lifetime',
      iat: 'it is the time of the call: createClientToken({ clockOffset }) moves it',
      nbf: 'use the option notBefore',
      jti: 'it is new for every JWT',
    }),
  }) satisfies OptionTable<JwtOptions>;

export type JwtSettings = Settings<ReturnType<typeof jwtOptions>>;

/** Frozen, so that each key serializes it once. */
export const headerOf = ({ header, typ }: JwtSettings): Members =>
  Object.freeze({ ...header, ...(typ !== false && { typ }) });

function audienceFrom(
  audience: Exclude<Audience, string | readonly string[]>,
  server: AuthorizationServer,
): string | readonly string[] {
  const value: unknown = audience(server);
  if (isFixedAudience(value)) return value;
  throw new TypeError(
    value instanceof Promise
      ? 'The function audience returned a Promise: it must not be asynchronous'
      : 'The function audience returned no audience for the server: call createClientToken({ server: config.serverMetadata() }), or set audience',
  );
}

export function resolveAudience(
  audience: Audience | undefined,
  server: AuthorizationServer | undefined,
): string | readonly string[] {
  if (isFixedAudience(audience)) return audience;
  if (server === undefined) {
    throw new TypeError(
      'The audience is not known: give the AssertionService the issuer of the server, or an audience, or call it with { server: config.serverMetadata() }',
    );
  }
  return audience === undefined ? server.issuer : audienceFrom(audience, server);
}

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

/** The parameters of an authorization request (RFC 6749 §4.1.1). */
export type AuthorizationRequestParameters = URLSearchParams | Readonly<Record<string, unknown>>;

/** A request object contains the value, not its text (OIDC Core §6.1). */
const JSON_PARAMETERS = ['claims', 'authorization_details'];

/** Numbers in a request object (OIDC Core §6.1). */
const NUMBER_PARAMETERS = ['max_age'];

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError(`The parameter ${name} must be JSON`);
  }
}

function claimOf(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (JSON_PARAMETERS.includes(name)) return parseJson(name, value);
  if (!NUMBER_PARAMETERS.includes(name)) return value;
  const number = Number(value);
  if (value !== '' && Number.isSafeInteger(number)) return number;
  throw new TypeError(`The parameter ${name} must be a whole number`);
}

/** A repeated parameter (RFC 8707 `resource`) becomes an array. */
function collect(parameters: URLSearchParams): Record<string, unknown> {
  const names = [...new Set(parameters.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = parameters.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

/** RFC 9101 §4. */
export function claimsOfAuthorizationRequest(
  parameters: AuthorizationRequestParameters,
): Record<string, unknown> {
  if (!(parameters instanceof URLSearchParams || isRecord(parameters))) {
    throw new TypeError('The parameters must be URLSearchParams or an object');
  }
  const collected = parameters instanceof URLSearchParams ? collect(parameters) : parameters;
  for (const name of ['request', 'request_uri']) {
    if (Object.hasOwn(collected, name)) {
      throw new TypeError(`${name} cannot be inside a request object (RFC 9101 §4)`);
    }
  }
  return Object.fromEntries(
    Object.entries(collected).map(([name, value]) => [name, claimOf(name, value)]),
  );
}
