/** A setting that cannot work. The message is a sentence for the person who starts the server. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** What the environment says. */
export interface Settings {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The issuer identifier; undefined for `http://localhost:PORT`. */
  readonly issuer: string | undefined;
  readonly clientsFile: string;
  readonly audience: 'compatible' | 'issuer' | 'issuer-string';
  readonly additionalAudiences: readonly string[];
  /** In seconds; undefined for the library's default. */
  readonly maxLifetime: number | undefined;
  /** `fapi2` holds clients to the FAPI 2.0 Security Profile. */
  readonly profile: 'fapi2' | undefined;
  /** How many requests of clients may fail, for each address. */
  readonly failuresPerMinute: number;
  /** The web login beside this server, which the pages link to. */
  readonly webLoginUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly allowedNetworks: readonly string[];
  /** How many authentications `GET /traces` shows; 0 turns it off. */
  readonly traces: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is empty counts as not set. */
const text = (env: Environment, name: string): string | undefined => env[name] || undefined;

function wholeNumber(
  env: Environment,
  name: string,
  { minimum, maximum }: { minimum: number; maximum: number },
): number | undefined {
  const value = text(env, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= minimum && number <= maximum) return number;
  throw new SettingsError(
    `${name} is ${JSON.stringify(value)}: it must be a whole number from ${minimum} to ${maximum}.`,
  );
}

/** An issuer identifier has no query and no fragment (RFC 8414 §2). */
function issuerIdentifier(env: Environment): string | undefined {
  const value = text(env, 'ISSUER');
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const usable = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (usable && !/[?#\s]/.test(value)) return value;
  throw new SettingsError(
    `ISSUER is ${JSON.stringify(value)}: it must be a URL with http or https, without query and fragment.`,
  );
}

function audienceMode(env: Environment): 'compatible' | 'issuer' | 'issuer-string' {
  const value = text(env, 'AUDIENCE') ?? 'compatible';
  if (value === 'compatible' || value === 'issuer' || value === 'issuer-string') return value;
  throw new SettingsError(
    `AUDIENCE is ${JSON.stringify(value)}: it must be "compatible", "issuer" or "issuer-string".`,
  );
}

function profileOf(env: Environment): 'fapi2' | undefined {
  const value = text(env, 'PROFILE');
  if (value === undefined || value === 'fapi2') return value;
  throw new SettingsError(`PROFILE is ${JSON.stringify(value)}: it must be "fapi2" or not set.`);
}

function redisUrl(env: Environment): string | undefined {
  const value = text(env, 'REDIS_URL');
  if (value === undefined || /^(redis|rediss|unix):/.test(value)) return value;
  // The value is not repeated: it may hold a password.
  throw new SettingsError('REDIS_URL must be a URL with redis or rediss.');
}

function flag(env: Environment, name: string): boolean {
  const value = text(env, name) ?? '0';
  if (value === '0' || value === '1') return value === '1';
  throw new SettingsError(`${name} is ${JSON.stringify(value)}: it must be 1, 0 or not set.`);
}

/**
 * Reads the settings from the environment.
 *
 * @throws {SettingsError} for the first one that cannot work
 */
export function readSettings(env: Environment): Settings {
  const clientsFile = text(env, 'CLIENTS_FILE');
  if (clientsFile === undefined) {
    throw new SettingsError(
      'CLIENTS_FILE is not set: it must be the path of a JSON file with an array of clients.',
    );
  }
  const settings: Settings = {
    host: text(env, 'HOST') ?? '127.0.0.1',
    port: wholeNumber(env, 'PORT', { minimum: 0, maximum: 65_535 }) ?? 3000,
    issuer: issuerIdentifier(env),
    clientsFile,
    audience: audienceMode(env),
    additionalAudiences: (text(env, 'ADDITIONAL_AUDIENCES') ?? '')
      .split(',')
      .map((audience) => audience.trim())
      .filter((audience) => audience !== ''),
    maxLifetime: wholeNumber(env, 'MAX_LIFETIME', { minimum: 1, maximum: 31_536_000 }),
    profile: profileOf(env),
    failuresPerMinute:
      wholeNumber(env, 'FAILURES_PER_MINUTE', { minimum: 1, maximum: 1_000_000 }) ?? 300,
    webLoginUrl: text(env, 'WEB_LOGIN_URL'),
    redisUrl: redisUrl(env),
    allowedNetworks: flag(env, 'ALLOW_LOCAL_NETWORK') ? ['localhost'] : [],
    traces: wholeNumber(env, 'TRACES', { minimum: 0, maximum: 1000 }) ?? 0,
  };
  if (settings.audience !== 'compatible' && settings.additionalAudiences.length > 0) {
    throw new SettingsError(
      'ADDITIONAL_AUDIENCES has an effect only with AUDIENCE=compatible: remove it.',
    );
  }
  return settings;
}
