// What the examples of docstrings take as given, besides what is in examples.d.ts.
import type { OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import type { Request, RequestHandler } from 'express';
import type {} from 'express-session';
import type {
  AssertionClient,
  ClientMetadata,
  PrivateKeyJwtStrategy,
  ReplayStore,
} from 'passport-private-key-jwt';
import type { LoginTokens } from 'passport-private-key-jwt/client';

declare global {
  const express: typeof import('express');
  const readFile: typeof import('node:fs/promises').readFile;
  const discovery: typeof import('openid-client').discovery;
  const ClientPasswordStrategy: typeof import('passport-oauth2-client-password').Strategy;

  const client: AssertionClient;
  const privateKeyJwt: PrivateKeyJwtStrategy;
  const tokenFile: string;
  const clientCredentialsGrant: typeof import('openid-client').clientCredentialsGrant;
  const registrations: Map<string, ClientMetadata>;
  const partners: Set<string>;
  const findClient: (clientId: string) => Promise<AssertionClient | undefined>;
  const isSecretOf: (client: AssertionClient, clientSecret: string) => boolean;

  const request: Request;
  const form: object;
  const jwt: string;
  const token: RequestHandler;
  const tokens: LoginTokens;
  const provider: OAuthServerProvider;

  const key: string;
  const passphrase: string;
  const pool: object;
  const PostgresReplayStore: new (pool: object) => ReplayStore;
}
