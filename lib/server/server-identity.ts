import type { ServerIdentity } from '../assertion/checks/check.js';
import type { ExpressRequest, FormRequest } from '../shared/http.js';
import type { OptionTable, Reader } from '../shared/options.js';

/** A URL, or a function that derives it from the request, for servers with several issuers. */
export type PerRequest = string | ((request: ExpressRequest) => string | Promise<string>);

/** Fixed, or derived from the request. */
export interface ServerIdentityOptions {
  /** The issuer identifier (RFC 8414 §2). */
  readonly issuer: PerRequest;
  /** The URL of the token endpoint. `compatible` accepts it as `aud` on every endpoint. */
  readonly tokenEndpoint?: PerRequest | undefined;
  /**
   * The URL of the called endpoint, which `compatible` accepts as `aud`. Default: the origin of the
   * issuer plus the path of the request, never the Host header, because the caller controls it. Set
   * this option if a proxy changes the path.
   */
  readonly endpoint?: PerRequest | undefined;
}

function urlFrom(name: string, value: unknown): string {
  if (typeof value === 'string' && URL.canParse(value)) return value;
  throw new TypeError(`${name} must be an absolute URL, or a function that returns one`);
}

const perRequest = (name: string, value: unknown): PerRequest =>
  typeof value === 'function' ? (value as PerRequest) : urlFrom(name, value);

const optionalPerRequest: Reader<PerRequest | undefined> = (name, value) =>
  value === undefined ? undefined : perRequest(name, value);

export const SERVER_IDENTITY_OPTIONS = {
  issuer: perRequest,
  tokenEndpoint: optionalPerRequest,
  endpoint: optionalPerRequest,
} satisfies OptionTable<ServerIdentityOptions>;

const resolve = async (name: string, value: PerRequest, request: ExpressRequest): Promise<string> =>
  urlFrom(name, typeof value === 'function' ? await value(request) : value);

const resolveOptional = async (
  name: string,
  value: PerRequest | undefined,
  request: ExpressRequest,
): Promise<string | undefined> => (value === undefined ? undefined : resolve(name, value, request));

function originOf(issuer: string): string | undefined {
  const { origin } = new URL(issuer);
  return origin === 'null' ? undefined : origin;
}

/** The caller controls an absolute URL in the request line (RFC 9112 §3.2.2), so it is ignored. */
function calledEndpoint(origin: string | undefined, request: FormRequest): string | undefined {
  const target = request.originalUrl ?? request.url ?? '';
  if (origin === undefined || !target.startsWith('/')) return undefined;
  const query = target.indexOf('?');
  return origin + (query === -1 ? target : target.slice(0, query));
}

/** Undefined for a URN and the like. */
export const endpointAt = (issuer: string, path: string | undefined): string | undefined =>
  URL.canParse(issuer) ? calledEndpoint(originOf(issuer), { url: path, headers: {} }) : undefined;

async function resolveAll(
  options: ServerIdentityOptions,
  request: ExpressRequest,
): Promise<ServerIdentity> {
  const issuer = await resolve('issuer', options.issuer, request);
  return {
    issuer,
    tokenEndpoint: await resolveOptional('tokenEndpoint', options.tokenEndpoint, request),
    endpoint:
      options.endpoint === undefined
        ? calledEndpoint(originOf(issuer), request)
        : await resolve('endpoint', options.endpoint, request),
  };
}

/** `endpoint` overrides the option of this name. A promise only if an option is a function. */
export type IdentifyServer<Request extends FormRequest = ExpressRequest> = (
  request: Request,
  endpoint?: PerRequest | undefined,
) => ServerIdentity | Promise<ServerIdentity>;

/** Values that do not depend on the request are computed once. */
export function serverIdentifier(options: ServerIdentityOptions): IdentifyServer {
  const { issuer, tokenEndpoint } = options;
  const isFixed = typeof issuer === 'string' && typeof tokenEndpoint !== 'function';
  const origin = isFixed ? originOf(issuer) : undefined;

  return (request, override) => {
    const endpoint = override ?? options.endpoint;
    if (!isFixed || typeof endpoint === 'function') {
      return resolveAll({ issuer, tokenEndpoint, endpoint }, request);
    }
    return {
      issuer,
      tokenEndpoint,
      endpoint:
        endpoint === undefined ? calledEndpoint(origin, request) : urlFrom('endpoint', endpoint),
    };
  };
}
