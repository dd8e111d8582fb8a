import type { ServerResponse } from 'node:http';
import { CLIENT_ASSERTION_OPTIONS, type ClientAssertionOptions } from '../assertion/options.js';
import { CLIENT_ASSERTION_HINTS } from '../assertion/rules.js';
import {
  type ClientMetadataDocumentOptions,
  DOCUMENT_OPTIONS,
} from '../clients/metadata-document.js';
import { isSymmetric } from '../keys/compact-jws.js';
import { createRequestAuthenticator } from '../server/request-authenticator.js';
import { OAuthError } from '../shared/errors.js';
import { type ExpressRequest, type Middleware, type Next, readWebForm } from '../shared/http.js';
import {
  knownOptions,
  type OptionTable,
  type Reader,
  readOptions,
  text,
  texts,
  unchecked,
} from '../shared/options.js';
import { withoutFinalSlash } from '../shared/safe.js';
import { formOf, McpAuthentication } from './authentication.js';
import { findIn } from './clients.js';
import {
  authorizationEndpoint,
  type Endpoint,
  grantsOf,
  parametersOf,
  registrationEndpoint,
  requireAccessToken,
  revoke,
  sendError,
  sendJson,
  tokens,
} from './endpoints.js';
import type { McpServerProvider } from './provider.js';
import { limitCalls } from './rate-limit.js';

/** The SDK's options, plus client authentication. */
interface McpAuthRouterOptions {
  /** Clients, codes and tokens: a provider of SDK 1 or of `@modelcontextprotocol/server-legacy`. */
  provider: McpServerProvider;
  /** The issuer identifier of this server, as `URL` writes it: with a slash if it has no path. */
  issuerUrl: URL;
  /** Where the endpoints are. Default: at the issuer. */
  baseUrl?: URL | undefined;
  /** The MCP server that tokens are for (RFC 9728). Default: `baseUrl`. */
  resourceServerUrl?: URL | undefined;
  /** A documentation page for client developers. */
  serviceDocumentationUrl?: URL | undefined;
  /** The scopes to list in the metadata. */
  scopesSupported?: readonly string[] | undefined;
  /** The display name of the MCP server. */
  resourceName?: string | undefined;
  /** How to validate assertions, including `jwksUri`. The router sets issuer and endpoints. */
  clientAssertion?: ClientAssertionOptions | undefined;
  /**
   * Also accepts clients whose client_id is the URL of their metadata document, as MCP recommends;
   * `{}` for the defaults. Default: disabled.
   */
  clientMetadataDocuments?: ClientMetadataDocumentOptions | undefined;
  /**
   * The grants of clients that register themselves or have a metadata document. Default
   * `authorization_code` and `refresh_token`.
   */
  grantTypes?: readonly string[] | undefined;
  /**
   * Limits the calls of one address before its client is authenticated: a middleware, for example
   * of express-rate-limit, or false for none. Default: in 15 minutes 100 calls of the authorization
   * endpoint, 50 of the token endpoint and 50 of the revocation endpoint; 20 registrations an hour.
   */
  rateLimit?: ((request: never, response: never, next: Next) => unknown) | false | undefined;
}

const provider: Reader<McpServerProvider> = (name, value) => {
  const { clientsStore, authorize } = Object(value) as Partial<McpServerProvider>;
  if (typeof clientsStore?.getClient === 'function' && typeof authorize === 'function') {
    return value as McpServerProvider;
  }
  throw new TypeError(
    `${name} must be an OAuthServerProvider, as @modelcontextprotocol/sdk 1 and @modelcontextprotocol/server-legacy define it`,
  );
};

const url: Reader<URL | undefined> = (name, value) => {
  if (value === undefined || value instanceof URL) return value;
  throw new TypeError(`${name} must be a URL object: write new URL(…)`);
};

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

const issuerUrl: Reader<URL> = (name, value) => {
  const issuer = url(name, value);
  if (issuer === undefined) throw new TypeError(`${name} must be a URL object: write new URL(…)`);
  if (issuer.protocol !== 'https:' && !LOCAL.includes(issuer.hostname)) {
    throw new TypeError(`${name} must have https, except on this machine`);
  }
  if (issuer.search === '' && issuer.hash === '') return issuer;
  throw new TypeError(`${name} may have no query and no fragment (RFC 8414 §2)`);
};

const rateLimit: Reader<Middleware | false | undefined> = (name, value) => {
  if (value === undefined || value === false || typeof value === 'function') {
    return value as Middleware | false | undefined;
  }
  throw new TypeError(`${name} must be a middleware or false`);
};

const OPTIONS = {
  provider,
  issuerUrl,
  baseUrl: url,
  resourceServerUrl: url,
  serviceDocumentationUrl: url,
  scopesSupported: texts(),
  resourceName: text(undefined),
  clientAssertion: unchecked<ClientAssertionOptions | undefined>(),
  clientMetadataDocuments: unchecked<ClientMetadataDocumentOptions | undefined>(),
  grantTypes: DOCUMENT_OPTIONS.grantTypes,
  rateLimit,
} satisfies OptionTable<McpAuthRouterOptions>;

const LIMITED = 'use rateLimit: a middleware for all endpoints, or false';
const OPTION_HINTS = {
  authorizationOptions: LIMITED,
  tokenOptions: LIMITED,
  revocationOptions: LIMITED,
  clientRegistrationOptions: `${LIMITED}; your clientsStore decides how long a client_secret is valid`,
};

const ASSERTION_HINTS = {
  ...CLIENT_ASSERTION_HINTS,
  issuer: 'the router has issuerUrl',
  tokenEndpoint: 'the router sets it',
  endpoint: 'the router uses the endpoint that was called',
};

/** In bytes. */
const MAX_BODY = 102_400;

async function readJson(request: ExpressRequest): Promise<unknown> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    text += decoder.decode(chunk as Buffer, { stream: true });
    if (text.length > MAX_BODY) {
      throw new OAuthError('invalid_request', 'The body is too large.', 413);
    }
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new OAuthError('invalid_request', 'The body is not JSON.');
  }
}

async function parseBody(request: ExpressRequest & { body?: unknown }): Promise<void> {
  if (request.method !== 'POST' || request.readableDidRead || request.readableEnded) return;
  if (/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? '')) {
    request.body = await readJson(request);
  } else {
    request.body = parametersOf(await readWebForm(request, request, MAX_BODY));
  }
}

/** Never resolves if the middleware answers by itself. */
const passed = (middleware: Middleware, request: ExpressRequest, response: ServerResponse) =>
  new Promise<boolean>((resolve, reject) => {
    response.once('close', () => resolve(false));
    middleware(request, response, (error) =>
      error === undefined || error === null ? resolve(true) : reject(error),
    );
  });

interface Route {
  readonly methods: readonly string[];
  readonly limit: Middleware | false;
  readonly endpoint: Endpoint;
}

/** Lower case, without a final slash. */
function comparablePath(path: string): string {
  let end = path.length;
  // Runs for every request of the application: a pattern would take quadratic time on slashes.
  while (path[end - 1] === '/') end -= 1;
  return path.slice(0, end).toLowerCase();
}

const pathOf = ({ originalUrl, url: target = '/' }: ExpressRequest): string => {
  const [path = ''] = (originalUrl ?? target).split('?', 1);
  return comparablePath(URL.canParse(path) ? new URL(path).pathname : path);
};

async function answer(
  { methods, limit, endpoint }: Route,
  request: ExpressRequest,
  response: ServerResponse,
): Promise<void> {
  // Browser clients may call from any origin: the endpoints use no cookies.
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Access-Control-Expose-Headers', 'WWW-Authenticate');
  const { method = '' } = request;
  if (method === 'OPTIONS') {
    response.setHeader('Access-Control-Allow-Methods', methods.join(', '));
    const asked = request.headers['access-control-request-headers'];
    if (asked !== undefined) response.setHeader('Access-Control-Allow-Headers', asked);
    response.setHeader('Vary', 'Access-Control-Request-Headers');
    response.writeHead(204).end();
    return;
  }
  try {
    if (!methods.includes(method)) {
      response.setHeader('Allow', methods.join(', '));
      const description = `The method ${method} is not allowed for this endpoint.`;
      throw new OAuthError('method_not_allowed', description, 405);
    }
    if (limit !== false && !(await passed(limit, request, response))) return;
    await parseBody(request);
    await endpoint(request, response);
  } catch (error) {
    sendError(error, request, response);
  }
}

const document =
  (content: unknown): Endpoint =>
  async (_request, response) => {
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(content));
  };

/**
 * An authorization server for MCP on a provider of the MCP TypeScript SDK, version 1 or
 * `@modelcontextprotocol/server-legacy`, instead of the SDK's `mcpAuthRouter`. Its token and
 * revocation endpoints accept `private_key_jwt` (RFC 7523), client secrets and public clients; a
 * client with keys must use them. Its authorization responses contain `iss` (RFC 9207). Mount it at
 * the root of the application, or use it as a handler of `node:http`.
 * @example
 * ```ts
 * const auth = mcpAuthRouter({ provider, issuerUrl: new URL('https://as.example') });
 * app.use(auth);
 * app.use('/mcp', auth.requireBearerAuth(['tools']));
 * ```
 * @throws {TypeError} if an option is wrong
 */
export function mcpAuthRouter(options: McpAuthRouterOptions): Middleware & {
  /**
   * Requires an access token for `resourceServerUrl` with all these scopes; sets `request.auth`.
   */
  readonly requireBearerAuth: (scopes?: readonly string[]) => Middleware;
} {
  const settings = readOptions('mcpAuthRouter', options, OPTIONS, OPTION_HINTS);
  const { provider, grantTypes, clientMetadataDocuments: documents } = settings;
  const issuer = settings.issuerUrl.href;
  const base = settings.baseUrl ?? settings.issuerUrl;
  const resource = settings.resourceServerUrl ?? base;
  const at = (path: string): string => new URL(path, base).href;
  const find = findIn(provider.clientsStore, documents && { grantTypes, ...documents });

  const given = knownOptions(
    'clientAssertion',
    settings.clientAssertion,
    CLIENT_ASSERTION_OPTIONS,
    ASSERTION_HINTS,
  );
  const authenticator = createRequestAuthenticator(
    { ...(given as ClientAssertionOptions), issuer, tokenEndpoint: at('/token') },
    find,
  );
  const authentication = new McpAuthentication(authenticator, find);
  const algorithms = [...authenticator.pipeline.settings.algorithms].filter(
    (algorithm) => !isSymmetric(algorithm),
  );

  const { registerClient } = provider.clientsStore;
  const methods = ['private_key_jwt', 'client_secret_post', 'client_secret_basic', 'none'];
  const authenticating = ['token', ...(provider.revokeToken === undefined ? [] : ['revocation'])];
  const metadata = {
    issuer,
    service_documentation: settings.serviceDocumentationUrl?.href,
    authorization_endpoint: at('/authorize'),
    token_endpoint: at('/token'),
    revocation_endpoint: provider.revokeToken && at('/revoke'),
    registration_endpoint: registerClient && at('/register'),
    ...Object.fromEntries(
      authenticating.flatMap((name) => [
        [`${name}_endpoint_auth_methods_supported`, methods],
        [`${name}_endpoint_auth_signing_alg_values_supported`, algorithms],
      ]),
    ),
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    grant_types_supported: grantsOf(provider),
    scopes_supported: options.scopesSupported,
    ...(documents !== undefined && { client_id_metadata_document_supported: true }),
    ...(provider.authorizationResponseIssParameterSupported === true && {
      authorization_response_iss_parameter_supported: true,
    }),
  };

  const routes = new Map<string, Route>();
  const add = (path: string, allowed: string[], endpoint: Endpoint, limit?: Middleware) => {
    const chosen = limit === undefined ? false : (settings.rateLimit ?? limit);
    routes.set(comparablePath(path), { methods: allowed, limit: chosen, endpoint });
  };
  const publish = (wellKnown: string, { pathname }: URL, content: object) => {
    for (const path of new Set([comparablePath(pathname), ''])) {
      add(`/.well-known/${wellKnown}${path}`, ['GET', 'HEAD'], document(content));
    }
  };
  publish('oauth-authorization-server', settings.issuerUrl, metadata);
  const resourcePath = withoutFinalSlash(resource.pathname);
  const protectedResource = `/.well-known/oauth-protected-resource${resourcePath}`;
  add(
    protectedResource,
    ['GET', 'HEAD'],
    document({
      resource: resource.href,
      authorization_servers: [issuer],
      scopes_supported: options.scopesSupported,
      resource_name: settings.resourceName,
      resource_documentation: settings.serviceDocumentationUrl?.href,
    }),
  );
  const forClients = (path: string, serve: typeof tokens): Endpoint => {
    const endpoint = at(path);
    return async (request, response) => {
      const current = await authentication.identify(request, endpoint);
      sendJson(response, 200, await serve(provider, current, formOf(request)));
    };
  };
  const pathname = (path: string): string => new URL(at(path)).pathname;
  const authorization = authorizationEndpoint(provider, find, issuer);
  add(pathname('/authorize'), ['GET', 'POST'], authorization, limitCalls(100, 15));
  add(pathname('/token'), ['POST'], forClients('/token', tokens), limitCalls(50, 15));
  if (provider.revokeToken !== undefined) {
    add(pathname('/revoke'), ['POST'], forClients('/revoke', revoke), limitCalls(50, 15));
  }
  if (registerClient !== undefined) {
    const registration = registrationEndpoint(provider, grantTypes);
    add(pathname('/register'), ['POST'], registration, limitCalls(20, 60));
  }

  const middleware: Middleware = (request, response, next) => {
    const route = routes.get(pathOf(request));
    if (route === undefined) next();
    else answer(route, request, response).catch(next);
  };
  const metadataUrl = new URL(protectedResource, resource).href;
  return Object.assign(middleware, {
    requireBearerAuth:
      (scopes: readonly string[] = []): Middleware =>
      (request, response, next) => {
        const asked = { provider, resource, metadataUrl, scopes };
        requireAccessToken(request, response, asked).then((mayPass) => {
          if (mayPass) next();
        }, next);
      },
  });
}
