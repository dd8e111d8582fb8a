import { AsyncLocalStorage } from 'node:async_hooks';
import { InvalidClientError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type { OAuthClientInformationFull } from '@modelcontextprotocol/sdk/shared/auth.js';
import { type Middleware, requiresClientAssertion } from '../authenticate-client.js';
import { type FindClient, lookUpClient } from '../clients/lookup.js';
import { report } from '../diagnostics.js';
import { oauthErrorHandler } from '../error-handler.js';
import { ClientAuthenticationError } from '../errors.js';
import type { ExpressRequest } from '../http.js';
import type { PrivateKeyJwtStrategy } from '../strategy.js';
import { type McpClient, withoutSecret } from './clients.js';

/** The client of a request, before the SDK's handlers see the request. */
interface CurrentClient {
  readonly client: OAuthClientInformationFull;
  readonly provedByAssertion: boolean;
}

const ASSERTION_METHODS: readonly unknown[] = ['private_key_jwt', 'client_secret_jwt'];

/** Whether a client may not pass without an assertion, also where its keys are missing. */
const mustSendAssertion = (client: McpClient): boolean =>
  requiresClientAssertion(client) ||
  ASSERTION_METHODS.includes(client.metadata.token_endpoint_auth_method);

/** The parameters of the request, as any body parser left them. */
export const formOf = ({ body }: ExpressRequest): Record<string, unknown> =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};

/**
 * Authenticates the clients of an endpoint before the SDK's handlers, which ask for a client_secret
 * where there is one, and let everybody else pass. Clients with keys must send an assertion;
 * clients without are left to the SDK.
 */
export class McpAuthentication {
  private readonly current = new AsyncLocalStorage<CurrentClient>();
  private readonly strategy: PrivateKeyJwtStrategy<McpClient>;
  private readonly findClient: FindClient<McpClient>;
  private readonly issuer: string;

  constructor(
    strategy: PrivateKeyJwtStrategy<McpClient>,
    findClient: FindClient<McpClient>,
    issuer: string,
  ) {
    this.strategy = strategy;
    this.findClient = findClient;
    this.issuer = issuer;
  }

  /** The middleware that goes before the SDK's handler of an endpoint. */
  before(endpoint: string): Middleware {
    const answer = oauthErrorHandler();
    return (request, response, next) => {
      if (request.method !== 'POST') {
        next();
        return;
      }
      this.identify(request, endpoint).then(
        (current) => {
          if (current === undefined) next();
          else this.current.run(current, next);
        },
        (error: unknown) => {
          // As the SDK's handlers do, so that clients in browsers can read the answer.
          response.setHeader('Access-Control-Allow-Origin', '*');
          answer(error, request, response, next);
        },
      );
    };
  }

  /**
   * The client for the SDK's own check. It knows those alone that have passed here, so that no way
   * leads around this.
   */
  async getClient(clientId: string): Promise<OAuthClientInformationFull> {
    const client = this.current.getStore()?.client;
    if (client?.client_id === clientId) return client;
    throw new InvalidClientError('Client authentication failed.');
  }

  /** The client of the current request, if it has proved itself by an assertion. */
  provedClient(): OAuthClientInformationFull | undefined {
    const current = this.current.getStore();
    return current?.provedByAssertion === true ? current.client : undefined;
  }

  private async identify(
    request: ExpressRequest,
    endpoint: string,
  ): Promise<CurrentClient | undefined> {
    const form = formOf(request);
    const authenticated = await this.strategy._authenticate(request, { endpoint });
    if (authenticated !== undefined) {
      // The SDK requires the parameter, which an assertion makes superfluous (RFC 7521 §4.2).
      form['client_id'] = authenticated.client.clientId;
      return { client: withoutSecret(authenticated.client.metadata), provedByAssertion: true };
    }

    const { client_id } = form;
    if (typeof client_id !== 'string') return undefined;
    const { lookupTimeout } = this.strategy._validator.settings;
    const found = await lookUpClient(this.findClient, client_id, request, lookupTimeout);
    if ('client' in found) {
      if (mustSendAssertion(found.client)) throw this.refusal(client_id, endpoint);
      return { client: found.client.metadata, provedByAssertion: false };
    }
    if (found.failure.reason === 'unknown_client') return undefined;
    throw new ClientAuthenticationError(found.failure);
  }

  private refusal(clientId: string, endpoint: string): ClientAuthenticationError {
    const { onAuthentication, detailedErrors } = this.strategy._validator.settings;
    const reason = 'assertion_required';
    const event = { outcome: 'failure', reason, clientId, endpoint, issuer: this.issuer } as const;
    report({ ...event, warnings: [], duration: 0 }, onAuthentication);
    return new ClientAuthenticationError({ reason }, detailedErrors);
  }
}
