import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import Provider, {
  type ClientMetadata,
  type Configuration,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { keyPair } from './keys.js';
import { type Listening, listen } from './listen.js';

/** A JWT that the provider accepted, and at which of its endpoints. */
export interface AcceptedJwt {
  readonly route: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** An oidc-provider on loopback, and what it was sent. */
export interface OpenIdProvider extends Listening {
  readonly issuer: string;
  readonly assertions: AcceptedJwt[];
  readonly requestObjects: AcceptedJwt[];
  /** Errors of the provider itself. */
  readonly failures: Error[];
  /** The keys of a client, as the provider keeps them. */
  keysOf(clientId: string): Promise<object>;
  /** What the user decides when asked. Initially to approve. */
  decision: 'approve' | 'deny';
}

/** The one user of the provider. */
export const SUBJECT = 'alice';

const jwt = (ctx: KoaContextWithOIDC, claims: object, header: object): AcceptedJwt => ({
  route: ctx.oidc.route,
  header: { ...header },
  claims: { ...claims },
});

/** Lets the user decide at once, without a page. */
async function interact(
  provider: Provider,
  decision: OpenIdProvider['decision'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (decision === 'deny') {
    const result = { error: 'access_denied', error_description: 'The user said no' };
    await provider.interactionFinished(request, response, result);
    return;
  }
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: SUBJECT, clientId: String(params['client_id']) });
  grant.addOIDCScope(String(params['scope'] ?? 'openid'));
  const grantId = await grant.save();
  await provider.interactionFinished(request, response, {
    login: { accountId: SUBJECT },
    consent: { grantId },
  });
}

/** Starts a provider with one client, whose members are added to those of a confidential one. */
export async function openIdProvider(
  client: Partial<ClientMetadata> & { client_id: string },
  configuration: (issuer: string) => Configuration = () => ({}),
): Promise<OpenIdProvider> {
  const assertions: AcceptedJwt[] = [];
  const requestObjects: AcceptedJwt[] = [];
  const failures: Error[] = [];
  let answer: RequestListener = (_request, response) => response.end();
  const listening = await listen((request, response) => answer(request, response));
  const { features, ...more } = configuration(listening.url);

  const provider = new Provider(listening.url, {
    clients: [
      {
        token_endpoint_auth_method: 'private_key_jwt',
        redirect_uris: ['https://client.example/cb'],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        ...client,
      },
    ],
    cookies: { keys: ['a key of the tests'] },
    jwks: { keys: [keyPair('RS256').privateKey.export({ format: 'jwk' })] as never },
    claims: { openid: ['sub'], profile: ['name'] },
    findAccount: (_ctx, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, name: 'Alice' }),
    }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: async (_ctx, { grantTypes }) =>
      grantTypes?.includes('refresh_token') ?? false,
    ttl: {
      AccessToken: 600,
      BackchannelAuthenticationRequest: 600,
      ClientCredentials: 600,
      DeviceCode: 600,
      Grant: 600,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 600,
      Session: 600,
    },
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header) => {
      assertions.push(jwt(ctx, claims, header));
    },
    ...more,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      requestObjects: {
        enabled: true,
        assertJwtClaimsAndHeader: async (ctx, claims, header) => {
          // The provider keeps pushed requests that nobody signed in a JWT of its own.
          if (header['alg'] !== 'none') requestObjects.push(jwt(ctx, claims, header));
        },
      },
      ...features,
      // A union over every pair of features, which a spread is too vague for.
    } as NonNullable<Configuration['features']>,
  });
  provider.on('server_error', (_ctx, error) => failures.push(error));
  const callback = provider.callback();
  const running: OpenIdProvider = {
    ...listening,
    issuer: listening.url,
    assertions,
    requestObjects,
    failures,
    async keysOf(clientId) {
      const found = (await provider.Client.find(clientId)) as unknown as {
        readonly asymmetricKeyStore: object;
      };
      return found.asymmetricKeyStore;
    },
    decision: 'approve',
  };
  answer = (request, response) => {
    if (!request.url?.startsWith('/interaction/')) callback(request, response);
    else
      interact(provider, running.decision, request, response).catch((error: unknown) => {
        response.statusCode = 500;
        response.end(String(error));
      });
  };
  return running;
}
