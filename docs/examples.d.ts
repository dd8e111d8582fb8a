// What the examples of the documentation take as given.
import type { Express, Router } from 'express';
import type { Configuration } from 'openid-client';
import type { Passport } from 'passport';
import type { AssertionClient } from 'passport-private-key-jwt';
import type { AssertionService, UserTokenManager } from 'passport-private-key-jwt/client';

declare global {
  const app: Express;
  const passport: InstanceType<typeof Passport>;
  const config: Configuration;
  const assertions: AssertionService;
  const clientId: string;
  const clients: Map<string, AssertionClient>;
  const issuer: string;
  const pem: string;
  const certificate: string;
  const users: UserTokenManager;
  const kms: {
    sign(command: {
      KeyId: string;
      Message: Uint8Array;
      MessageType: 'RAW';
      SigningAlgorithm: string;
    }): Promise<{ Signature?: Uint8Array }>;
  };
  const loginRoutes: (
    config: Configuration,
    users: UserTokenManager,
    settings: { callbackUrl: string; apiUrl: string; sessionSecret: string; secure: boolean },
  ) => Router;
}
