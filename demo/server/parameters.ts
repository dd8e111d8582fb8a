import { OAuthError } from 'passport-private-key-jwt';

/** Request parameters, each with one value. */
export type Parameters = Readonly<Record<string, string>>;

/** The parameters of a request, and the names of those that came more than once. */
export interface ReadParameters {
  readonly parameters: Parameters;
  readonly repeated: readonly string[];
}

/**
 * Reads a parsed query or form. A parameter without a value counts as omitted, and none may come
 * more than once (RFC 6749 §3.1, §3.2).
 */
export function readParameters(source: unknown): ReadParameters {
  const entries = Object.entries((source ?? {}) as Record<string, unknown>);
  const isSingle = (entry: [string, unknown]): entry is [string, string] =>
    typeof entry[1] === 'string';
  return {
    parameters: Object.fromEntries(entries.filter(isSingle).filter(([, value]) => value !== '')),
    repeated: entries.filter((entry) => !isSingle(entry)).map(([name]) => name),
  };
}

/** @throws {OAuthError} `invalid_request` if a parameter came more than once */
export function assertNotRepeated({ repeated }: ReadParameters): void {
  if (repeated.length === 0) return;
  throw new OAuthError('invalid_request', `A parameter was sent more than once: ${repeated[0]}.`);
}

/** @throws {OAuthError} `invalid_request` if the parameter is missing */
export function requireParameter(parameters: Parameters, name: string): string {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (value !== undefined) return value;
  throw new OAuthError('invalid_request', `The parameter ${name} is missing.`);
}

/**
 * What the token is to be used for (RFC 8707 §2): any MCP server or API may ask for it.
 *
 * @throws {OAuthError} `invalid_target`
 */
export function resourceOf({ resource }: Parameters): string | undefined {
  if (resource === undefined) return undefined;
  if (URL.canParse(resource) && /^https?:/i.test(resource) && !resource.includes('#')) {
    return resource;
  }
  throw new OAuthError('invalid_target', 'The resource must be a URL without a fragment.');
}

/**
 * Checks that a token request asks for no other resource than was granted (RFC 8707 §2.2).
 *
 * @throws {OAuthError} `invalid_target`
 */
export function assertResource(parameters: Parameters, granted: string | undefined): void {
  const asked = resourceOf(parameters);
  if (asked === undefined || asked === granted) return;
  throw new OAuthError('invalid_target', 'The resource was not granted.');
}
