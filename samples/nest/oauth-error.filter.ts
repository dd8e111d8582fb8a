import { type ArgumentsHost, Catch, UnauthorizedException } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { OAuthError, oauthErrorHandler } from 'passport-private-key-jwt';

/** Answers errors as RFC 6749 §5.2 asks; all others go on to Nest's own filter. */
@Catch()
export class OAuthErrorFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    const [request, response] = host.getArgs();
    const refused = error instanceof UnauthorizedException; // No assertion was sent.
    const failure = new OAuthError('invalid_client', 'Client authentication failed.', 401);
    const goOn = (other: unknown) => super.catch(other, host);
    oauthErrorHandler()(refused ? failure : error, request, response, goOn);
  }
}
