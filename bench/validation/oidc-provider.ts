import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import Provider, { type Configuration } from 'oidc-provider';
import { CLIENT_ASSERTION_TYPE } from 'passport-private-key-jwt';
import { CLIENT_ID, ISSUER, type Keys } from '../assertions.js';

/** The configuration of a provider with the one client that is measured. */
export const providerConfiguration = ({ alg, jwk, verifying }: Keys): Configuration => ({
  clients: [
    {
      client_id: CLIENT_ID,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_signing_alg: alg as 'RS256',
      ...(jwk.kty === 'oct'
        ? {
            token_endpoint_auth_method: 'client_secret_jwt',
            client_secret: verifying.export().toString('utf8'),
          }
        : { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk as never] } }),
    },
  ],
  clientAuthMethods: ['private_key_jwt', 'client_secret_jwt', 'client_secret_post'],
  enabledJWA: { clientAuthSigningAlgValues: [alg as 'RS256'] },
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  ttl: { ClientCredentials: 600 },
});

type Middleware = (ctx: object, next: () => Promise<void>) => Promise<void>;

/** What is used of the provider's own parts, which it does not export. */
interface Internals {
  createContext(request: IncomingMessage, response: ServerResponse): object;
  readonly OIDCContext: new (
    ctx: object,
  ) => { params: object; route: string; client?: { clientId: string } };
}

/** The provider's own middlewares of client authentication. */
async function clientAuthentication(): Promise<readonly Middleware[]> {
  const main = import.meta.resolve('oidc-provider');
  const { default: middlewares } = (await import(new URL('shared/client_auth.js', main).href)) as {
    default: readonly Middleware[];
  };
  return middlewares;
}

/** Runs middlewares one inside the other. */
const runAll = ([first, ...rest]: readonly Middleware[], ctx: object): Promise<void> =>
  first === undefined ? Promise.resolve() : first(ctx, () => runAll(rest, ctx));

/**
 * oidc-provider's client authentication alone.
 *
 * @returns prepares assertions, and gives what authenticates each of them
 */
export async function oidcProviderAuthentication(keys: Keys) {
  const provider = new Provider(ISSUER, providerConfiguration(keys)) as unknown as Internals;
  const middlewares = await clientAuthentication();

  /** The context of a request, made beforehand, since it is not what is measured. */
  const contextOf = (client_assertion: string) => {
    const request = new IncomingMessage(new Socket());
    request.headers.host = new URL(ISSUER).host;
    const ctx = provider.createContext(request, new ServerResponse(request)) as {
      oidc?: InstanceType<Internals['OIDCContext']>;
    };
    ctx.oidc = new provider.OIDCContext(ctx);
    ctx.oidc.params = { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE };
    ctx.oidc.route = 'token';
    return ctx;
  };

  return (assertions: readonly string[]) => {
    const contexts = assertions.map(contextOf);
    return async (index: number): Promise<void> => {
      const ctx = contexts[index];
      await runAll(middlewares, ctx ?? {});
      if (ctx?.oidc?.client?.clientId !== CLIENT_ID) throw new Error('The client was refused.');
    };
  };
}
