import type { Configuration, CustomFetch } from 'openid-client';
import type { AssertionService } from '../client/assertion-service.js';
import { type Exchange, exchangeOf } from './exchange.js';
import { importOptionalPeer } from './optional-peer.js';

/** Whom to ask for a token, as which client, and for what. */
export interface TokenRequest {
  readonly issuer: string;
  readonly assertions: AssertionService;
  readonly scope?: string | undefined;
  /** RFC 8707. */
  readonly resource?: readonly string[] | undefined;
  readonly allowHttp: boolean;
  readonly showTokens: boolean;
}

/** What came of it. */
export interface TokenResult {
  readonly outcome: 'granted' | 'refused';
  /** Why there is no token. */
  readonly error?: string | undefined;
  /** Whether the server did not accept the client (RFC 6749 §5.2), and does not say why. */
  readonly clientRefused?: boolean | undefined;
  readonly exchanges: readonly Exchange[];
}

/** Openid-client says only that a request failed; its cause says why. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const reason =
    cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : undefined;
  return reason === undefined ? error.message : `${error.message} (${reason})`;
}

/** The error of an OAuth endpoint (RFC 6749 §5.2), as it may be shown. */
function oauthErrorOf(exchange: Exchange | undefined) {
  const body = exchange?.body as { error?: unknown; error_description?: unknown } | undefined;
  if (typeof body?.error !== 'string') return undefined;
  const { error, error_description: description } = body;
  return { error, text: typeof description === 'string' ? `${error}: ${description}` : error };
}

const wasNotFound = ({ status }: Exchange): boolean => status === 404;

/**
 * Discovers the server (OpenID Connect Discovery, else RFC 8414) and asks it for a token by
 * client_credentials and an assertion.
 *
 * @throws {CommandError} where openid-client is not installed
 */
export async function requestToken(request: TokenRequest): Promise<TokenResult> {
  const [client, { clientAssertion }] = await importOptionalPeer('token', ['openid-client'], () =>
    Promise.all([import('openid-client'), import('../client/client-auth.js')]),
  );
  const { issuer, assertions, scope, resource = [], allowHttp, showTokens } = request;
  const exchanges: Exchange[] = [];
  const recordingFetch: CustomFetch = async (url, options) => {
    const response = await fetch(url, options as RequestInit).catch(async (error: unknown) => {
      exchanges.push(await exchangeOf(url, options, undefined, showTokens));
      throw error;
    });
    exchanges.push(await exchangeOf(url, options, response, showTokens));
    return response;
  };
  const discover = (algorithm: 'oidc' | 'oauth2'): Promise<Configuration> =>
    client.discovery(new URL(issuer), assertions.clientId, undefined, clientAssertion(assertions), {
      [client.customFetch]: recordingFetch,
      algorithm,
      execute: allowHttp ? [client.allowInsecureRequests] : [],
    });

  try {
    const config = await discover('oidc').catch((error: unknown) => {
      if (exchanges.every(wasNotFound)) return discover('oauth2');
      throw error;
    });
    const parameters = new URLSearchParams(scope === undefined ? {} : { scope });
    for (const value of resource) parameters.append('resource', value);
    await client.clientCredentialsGrant(config, parameters);
    return { outcome: 'granted', exchanges };
  } catch (error) {
    const answered = oauthErrorOf(exchanges.at(-1));
    return {
      outcome: 'refused',
      error: answered?.text ?? messageOf(error),
      clientRefused: answered?.error === 'invalid_client',
      exchanges,
    };
  }
}
