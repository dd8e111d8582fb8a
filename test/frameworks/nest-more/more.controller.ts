import { Controller, Injectable, Post, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import {
  type AssertionClient,
  ClientAuthenticationError,
  PrivateKeyJwtStrategy,
} from 'passport-private-key-jwt';
import { BASE_URL } from './settings.js';

const options = { issuer: BASE_URL };

@Injectable()
export class Rejects extends PassportStrategy(PrivateKeyJwtStrategy, 'rejects') {
  constructor() {
    super(options);
  }

  async validate(): Promise<AssertionClient | null> {
    throw new Error('The database is away.');
  }
}

@Injectable()
export class Throws extends PassportStrategy(PrivateKeyJwtStrategy, 'throws') {
  constructor() {
    super(options);
  }

  validate(): AssertionClient | null {
    throw new Error('The database is away.');
  }
}

@Injectable()
export class Refuses extends PassportStrategy(PrivateKeyJwtStrategy, 'refuses') {
  constructor() {
    super(options);
  }

  validate(): AssertionClient | null {
    throw new ClientAuthenticationError({ reason: 'client_disabled' });
  }
}

/** Routes without a filter: Nest's own answers. */
@Controller('more')
export class MoreController {
  @Post('rejects')
  @UseGuards(AuthGuard('rejects'))
  rejects(): void {}

  @Post('throws')
  @UseGuards(AuthGuard('throws'))
  throws(): void {}

  @Post('refuses')
  @UseGuards(AuthGuard('refuses'))
  refuses(): void {}
}
