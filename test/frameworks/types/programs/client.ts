import { discovery } from 'openid-client';
import {
  AssertionService,
  clientAssertion,
  type LoginTokens,
  OpenIdConnectStrategy,
} from 'passport-private-key-jwt/client';

export async function login(key: string): Promise<OpenIdConnectStrategy> {
  const assertions = new AssertionService({ clientId: 'client', key });
  const server = new URL('https://as.example');
  const config = await discovery(server, 'client', undefined, clientAssertion(assertions));
  return new OpenIdConnectStrategy(
    { config, callbackURL: 'https://client.example/cb' },
    (tokens: LoginTokens, verified) => verified(null, { sub: tokens.claims()?.sub }),
  );
}
