import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { type AssertionClient, PrivateKeyJwtStrategy } from 'passport-private-key-jwt';
import { BASE_URL, clients } from './settings.js';

/** Authenticates the clients of the token endpoint by their signed assertions. */
@Injectable()
export class ClientStrategy extends PassportStrategy(PrivateKeyJwtStrategy, 'private-key-jwt') {
  constructor() {
    super({ issuer: BASE_URL, tokenEndpoint: `${BASE_URL}/token` });
  }

  /** The lookup of the client. The assertion is checked with its keys afterwards. */
  async validate(clientId: string): Promise<AssertionClient | null> {
    return clients.get(clientId) ?? null;
  }
}
