import { readFileSync } from 'node:fs';
import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { allowInsecureRequests, discovery } from 'openid-client';
import { authenticateClient } from 'passport-private-key-jwt';
import { AssertionService, clientAssertion } from 'passport-private-key-jwt/client';
import { ClientStrategy } from './client.strategy.js';
import { LoginController, SessionSerializer } from './login.controller.js';
import { LoginStrategy } from './login.strategy.js';
import { CLIENT_ID, CLIENT_KEY, PROVIDER } from './settings.js';
import { TokenController } from './token.controller.js';

/** The metadata of the provider, and how this application authenticates there. */
async function discoverProvider() {
  const assertions = new AssertionService({ clientId: CLIENT_ID, key: readFileSync(CLIENT_KEY) });
  const url = new URL(PROVIDER);
  // openid-client refuses http. It is for a provider on this machine only.
  const execute = url.protocol === 'http:' ? [allowInsecureRequests] : [];
  return discovery(url, CLIENT_ID, undefined, clientAssertion(assertions), { execute });
}

const PROVIDER_CONFIG = { provide: 'PROVIDER', useFactory: discoverProvider };

@Module({
  controllers: [TokenController, LoginController],
  providers: [ClientStrategy, LoginStrategy, SessionSerializer, PROVIDER_CONFIG],
})
export class AppModule implements NestModule {
  constructor(private readonly clients: ClientStrategy) {}

  /** The same strategy as a middleware, which answers errors by itself. */
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(authenticateClient(this.clients)).forRoutes('introspect');
  }
}
