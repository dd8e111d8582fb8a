import type { OAuthRegisteredClientsStore } from '@modelcontextprotocol/sdk/server/auth/clients.js';
import { authorizationHandler } from '@modelcontextprotocol/sdk/server/auth/handlers/authorize.js';
import { clientRegistrationHandler } from '@modelcontextprotocol/sdk/server/auth/handlers/register.js';
import { revocationHandler } from '@modelcontextprotocol/sdk/server/auth/handlers/revoke.js';
import { tokenHandler } from '@modelcontextprotocol/sdk/server/auth/handlers/token.js';
import type { OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import {
  type AuthRouterOptions,
  createOAuthMetadata,
  mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js';
import type { OAuthMetadata } from '@modelcontextprotocol/sdk/shared/auth.js';
import express from 'express';
import { CLIENT_ASSERTION_OPTIONS, type ClientAssertionOptions } from '../assertion/options.js';
import { CLIENT_ASSERTION_HINTS } from '../assertion/rules.js';
import { DEFAULT_GRANT_TYPES } from '../clients/metadata.js';
import type { ClientMetadataDocumentOptions } from '../clients/metadata-document.js';
import { requestAuthenticator } from '../server/request-authenticator.js';
import type { Middleware } from '../shared/http.js';
import { assertNotMisspelt, knownOptions, texts } from '../shared/options.js';
import { McpAuthentication } from './authentication.js';
import { type ClientCredentialsGrant, clientCredentials } from './client-credentials.js';
import { findIn, storeFor } from './clients.js';

/** The provider of the SDK, which may serve clients without a user besides. */
export type McpServerProvider = OAuthServerProvider & ClientCredentialsGrant;

/** Options of the SDK's `mcpAuthRouter`, and of client authentication. */
interface McpAuthRouterOptions extends Omit<AuthRouterOptions, 'provider'> {
  /** The SDK's provider: clients, codes and tokens. */
  provider: McpServerProvider;
  /** How assertions are validated; `jwksUri` among them. Issuer and endpoints are the router's. */
  clientAssertion?: ClientAssertionOptions | undefined;
  /**
   * Also takes clients whose client_id is the URL of their metadata document, as MCP recommends.
   * `{}` does with the defaults. Default: it does not.
   */
  clientMetadataDocuments?: ClientMetadataDocumentOptions | undefined;
  /**
   * The grants that clients may have which register themselves or have a metadata document. Add
   * `client_credentials` to serve such clients without a user. Default `authorization_code` and
   * `refresh_token`.
   */
  grantTypes?: readonly string[] | undefined;
}

/** The others are the SDK's, which may have more in time. */
const OWN_OPTIONS = ['clientAssertion', 'clientMetadataDocuments', 'grantTypes'] as const;

const HINTS = {
  ...CLIENT_ASSERTION_HINTS,
  issuer: 'the router has issuerUrl',
  tokenEndpoint: 'it is the one of the router',
  endpoint: 'it is the one that is called',
};

/** The provider with another store. Its methods keep their own `this`. */
function withStore(
  provider: McpServerProvider,
  store: OAuthRegisteredClientsStore,
): McpServerProvider {
  return new Proxy(provider, {
    get(target, property) {
      if (property === 'clientsStore') return store;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function advertised(
  metadata: OAuthMetadata,
  algorithms: readonly string[],
  options: McpAuthRouterOptions,
): OAuthMetadata {
  const withKeys = (methods: readonly string[] = []) => ['private_key_jwt', ...methods];
  const more: Partial<OAuthMetadata> = {
    token_endpoint_auth_methods_supported: withKeys(metadata.token_endpoint_auth_methods_supported),
    token_endpoint_auth_signing_alg_values_supported: [...algorithms],
  };
  if (metadata.revocation_endpoint !== undefined) {
    const methods = metadata.revocation_endpoint_auth_methods_supported;
    more.revocation_endpoint_auth_methods_supported = withKeys(methods);
    more.revocation_endpoint_auth_signing_alg_values_supported = [...algorithms];
  }
  if (options.provider.exchangeClientCredentials !== undefined) {
    const grants = metadata.grant_types_supported ?? [];
    more.grant_types_supported = [...grants, 'client_credentials'];
  }
  if (options.clientMetadataDocuments !== undefined) {
    more.client_id_metadata_document_supported = true;
  }
  return { ...metadata, ...more };
}

/**
 * The `mcpAuthRouter` of the MCP TypeScript SDK, for clients that authenticate by private_key_jwt
 * (RFC 7523): its token and revocation endpoints validate assertions, refuse clients with keys that
 * send none, and the metadata say so. The options are the SDK's; the endpoints are the SDK's
 * handlers.
 *
 * @example
 * ```ts
 * app.use(mcpAuthRouter({ provider, issuerUrl: new URL('https://as.example') }));
 * ```
 * @throws {TypeError} where an option is wrong
 */
export function mcpAuthRouter(options: McpAuthRouterOptions): Middleware {
  assertNotMisspelt('mcpAuthRouter', options, OWN_OPTIONS);
  const { provider } = options;
  const grantTypes = texts(DEFAULT_GRANT_TYPES)('grantTypes', options.grantTypes);
  const documents = options.clientMetadataDocuments;
  const find = findIn(provider.clientsStore, documents && { grantTypes, ...documents });
  const store = storeFor(provider.clientsStore, find, grantTypes);
  const open = withStore(provider, store);
  const metadata = createOAuthMetadata({ ...options, provider: open });
  const { issuer, token_endpoint, revocation_endpoint } = metadata;

  const { clientAssertion = {} } = options;
  const given = knownOptions('clientAssertion', clientAssertion, CLIENT_ASSERTION_OPTIONS, HINTS);
  const authenticator = requestAuthenticator(
    { ...(given as ClientAssertionOptions), issuer, tokenEndpoint: token_endpoint },
    find,
  );
  const algorithms = [...authenticator.pipeline.settings.algorithms];
  const asymmetric = algorithms.filter((algorithm) => !algorithm.startsWith('HS'));
  const authentication = new McpAuthentication(authenticator, find);
  const closed = withStore(provider, {
    getClient: (clientId) => authentication.getClient(clientId),
  });

  const router = express.Router();
  const pathOf = (endpoint: string) => new URL(endpoint).pathname;
  router.use(
    mcpAuthMetadataRouter({
      oauthMetadata: advertised(metadata, asymmetric, options),
      resourceServerUrl: options.resourceServerUrl ?? options.baseUrl ?? new URL(issuer),
      ...(options.serviceDocumentationUrl && {
        serviceDocumentationUrl: options.serviceDocumentationUrl,
      }),
      ...(options.scopesSupported && { scopesSupported: options.scopesSupported }),
      ...(options.resourceName && { resourceName: options.resourceName }),
    }),
  );
  router.use(
    pathOf(metadata.authorization_endpoint),
    authorizationHandler({ provider: open, ...options.authorizationOptions }),
  );
  router.use(
    pathOf(token_endpoint),
    express.urlencoded({ extended: false }),
    authentication.before(token_endpoint),
    clientCredentials(provider, authentication),
    tokenHandler({ provider: closed, ...options.tokenOptions }),
  );
  if (revocation_endpoint !== undefined) {
    router.use(
      pathOf(revocation_endpoint),
      express.urlencoded({ extended: false }),
      authentication.before(revocation_endpoint),
      revocationHandler({ provider: closed, ...options.revocationOptions }),
    );
  }
  if (metadata.registration_endpoint !== undefined) {
    router.use(
      pathOf(metadata.registration_endpoint),
      clientRegistrationHandler({ clientsStore: store, ...options.clientRegistrationOptions }),
    );
  }
  return router as unknown as Middleware;
}
