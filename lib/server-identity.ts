import type { ServerIdentity } from './assertion/subject.js';
import type { ExpressRequest } from './http.js';

/** A URL, or how it follows from the request: for servers with several issuers. */
export type PerRequest = string | ((request: ExpressRequest) => string | Promise<string>);

/** Who the server is: fixed, or told from the request. */
export interface ServerIdentityOptions {
  /** The issuer identifier (RFC 8414 §2). */
  readonly issuer: PerRequest;
  /** The URL of the token endpoint, which `compatible` accepts as `aud` on every endpoint. */
  readonly tokenEndpoint?: PerRequest | undefined;
  /**
   * The URL of the endpoint being called, which `compatible` accepts as `aud`. Default: the origin
   * of the issuer and the path of the request. Never taken from the Host header, which the caller
   * writes. Set it where a proxy changes the path.
   */
  readonly endpoint?: PerRequest | undefined;
}

function urlFrom(name: string, value: unknown): string {
  if (typeof value === 'string' && URL.canParse(value)) return value;
  throw new TypeError(`${name} must be an absolute URL, or a function that returns one`);
}

/** @throws {TypeError} where an option is neither a URL nor a function */
export function checkIdentityOptions(options: ServerIdentityOptions): void {
  for (const name of ['issuer', 'tokenEndpoint', 'endpoint'] as const) {
    const value = options[name];
    const isAbsent = value === undefined && name !== 'issuer';
    if (!isAbsent && typeof value !== 'function') urlFrom(name, value);
  }
}

const resolve = async (name: string, value: PerRequest, request: ExpressRequest): Promise<string> =>
  urlFrom(name, typeof value === 'function' ? await value(request) : value);

const resolveOptional = async (
  name: string,
  value: PerRequest | undefined,
  request: ExpressRequest,
): Promise<string | undefined> => (value === undefined ? undefined : resolve(name, value, request));

/**
 * The URL of the path that was called, at the issuer's origin. A request line may also hold an
 * absolute URL (RFC 9112 §3.2.2), and that is the caller's choice: it counts for nothing.
 */
function calledEndpoint(issuer: string, request: ExpressRequest): string | undefined {
  const target = request.originalUrl ?? request.url ?? '';
  if (!target.startsWith('/')) return undefined;
  const { origin } = new URL(issuer);
  // That of a URN and the like.
  return origin === 'null' ? undefined : origin + target.split('?', 1)[0];
}

/**
 * Who the server is for a request.
 *
 * @throws {TypeError} where one of the functions returns something else than a URL
 */
export async function serverIdentityOf(
  options: ServerIdentityOptions,
  request: ExpressRequest,
): Promise<ServerIdentity> {
  const issuer = await resolve('issuer', options.issuer, request);
  return {
    issuer,
    tokenEndpoint: await resolveOptional('tokenEndpoint', options.tokenEndpoint, request),
    endpoint:
      options.endpoint === undefined
        ? calledEndpoint(issuer, request)
        : await resolve('endpoint', options.endpoint, request),
  };
}
