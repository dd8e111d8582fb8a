import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { Configuration } from 'openid-client';
import { type LoginTokens, OpenIdConnectStrategy } from 'passport-private-key-jwt/client';
import { BASE_URL } from './settings.js';

export interface User {
  readonly sub: string;
}

/** Logs users in at an OpenID provider, where a signed assertion authenticates this application. */
@Injectable()
export class LoginStrategy extends PassportStrategy(OpenIdConnectStrategy, 'oidc') {
  constructor(@Inject('PROVIDER') config: Configuration) {
    super({ config, callbackURL: `${BASE_URL}/callback`, scope: 'openid profile' });
  }

  /** Makes the user of the tokens; null if this user may not log in. */
  async validate(tokens: LoginTokens): Promise<User | null> {
    const { sub } = tokens.claims() ?? {};
    return sub === undefined ? null : { sub };
  }
}
