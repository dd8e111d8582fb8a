import { randomBytes } from 'node:crypto';
import { Controller, Header, HttpCode, Post, Req, UseFilters, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { AssertionClient } from 'passport-private-key-jwt';
import { OAuthErrorFilter } from './oauth-error.filter.js';

interface ClientRequest {
  readonly user: AssertionClient;
}

@Controller()
@UseFilters(OAuthErrorFilter)
export class TokenController {
  /** A real server checks grant and scopes, and keeps the token. */
  @Post('token')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @UseGuards(AuthGuard('private-key-jwt'))
  token(): object {
    const access_token = randomBytes(32).toString('base64url');
    return { access_token, token_type: 'Bearer', expires_in: 600 };
  }

  /** Here the client is authenticated by a middleware: see `AppModule`. */
  @Post('introspect')
  @HttpCode(200)
  introspect(@Req() { user }: ClientRequest): object {
    return { active: false, client_id: user.clientId };
  }
}
