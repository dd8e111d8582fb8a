import { AsyncLocalStorage } from 'node:async_hooks';
import { InvalidClientError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import type { OAuthClientInformationFull } from '@modelcontextprotocol/sdk/shared/auth.js';
import { type FindClient, lookUpClient } from '../clients/lookup.js';
import { failureWithoutAssertion } from '../clients/policy.js';
import { oauthErrorHandler } from '../server/error-handler.js';
import type { RequestAuthenticator } from '../server/request-authenticator.js';
import type { ExpressRequest, Middleware } from '../shared/http.js';
import type { Failure } from '../shared/reasons.js';
import { type McpClient, withoutSecret } from './clients.js';

/** The client of a request, before the SDK's handlers see the request. */
interface CurrentClient {
  readonly client: OAuthClientInformationFull;
  readonly provedByAssertion: boolean;
}

/** The methods whose proof the SDK's handlers ask for, if they know the secret. */
const SECRET_METHODS: readonly unknown[] = ['client_secret_post', 'client_secret_basic'];

/**
 * Why a client may not go on to the SDK's handlers without an assertion. They serve a client as a
 * public one if they know no secret of it, whatever method it is registered for.
 */
function failureOf(client: McpClient, { body }: ExpressRequest): Failure | undefined {
  const { client_secret } = client.metadata;
  const method = client.tokenEndpointAuthMethod ?? undefined;
  const isChecked =
    method === undefined || method === 'none' || (client_secret && SECRET_METHODS.includes(method));
  const sent = Object.keys(Object(body)).filter((name) => name === 'client_secret');
  const shown = SECRET_METHODS.includes(method) ? method : undefined;
  const failure = failureWithoutAssertion(client, shown, sent);
  if (failure !== undefined || isChecked) return failure;
  return { reason: 'client_method_mismatch', expected: method };
}

/** The parameters of the request; none where no body parser has read them. */
export const formOf = ({ body }: ExpressRequest): Record<string, unknown> =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};

/**
 * Authenticates the clients of an endpoint before the SDK's handlers, which ask for a client_secret
 * where there is one, and let everybody else pass. Clients with keys must send an assertion; public
 * ones, and those with a plain secret, are left to the SDK.
 */
export class McpAuthentication {
  private readonly current = new AsyncLocalStorage<CurrentClient>();
  private readonly authenticator: RequestAuthenticator<McpClient>;
  private readonly findClient: FindClient<McpClient>;

  constructor(authenticator: RequestAuthenticator<McpClient>, findClient: FindClient<McpClient>) {
    this.authenticator = authenticator;
    this.findClient = findClient;
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
    const authenticated = await this.authenticator.authenticate(request, endpoint);
    if (authenticated !== undefined) {
      // The SDK requires the parameter, which an assertion makes superfluous (RFC 7521 §4.2).
      form['client_id'] = authenticated.client.clientId;
      return { client: withoutSecret(authenticated.client.metadata), provedByAssertion: true };
    }

    const { client_id } = form;
    if (typeof client_id !== 'string') return undefined;
    const { lookupTimeout } = this.authenticator.pipeline.settings;
    const found = await lookUpClient(this.findClient, client_id, request, lookupTimeout);
    const { client } = found;
    const failure = client === undefined ? found.failure : failureOf(client, request);
    if (failure !== undefined) {
      throw await this.authenticator.refusal(request, failure, endpoint, client_id);
    }
    return client && { client: client.metadata, provedByAssertion: false };
  }
}
