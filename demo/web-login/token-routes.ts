import type { Request, RequestHandler } from 'express';
import {
  buildEndSessionUrl,
  type Configuration,
  ResponseBodyError,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client';
import { log } from './log.js';
import { type User, userOf } from './user.js';

/** Logs a user in again with what a refresh has brought; Passport renews the session. */
const logIn = (request: Request, user: User): Promise<void> =>
  new Promise((resolve, reject) => {
    request.logIn(user, (error: unknown) => (error ? reject(error) : resolve()));
  });

const logOut = (request: Request): Promise<void> =>
  new Promise((resolve, reject) => {
    request.logOut((error: unknown) => (error ? reject(error) : resolve()));
  });

/** Refreshes the tokens, with an assertion of its own. */
export function refresh(config: Configuration): RequestHandler {
  return async (request, response) => {
    const user = request.user as User | undefined;
    if (user?.refreshToken === undefined) {
      response.redirect(303, './');
      return;
    }
    try {
      const tokens = await refreshTokenGrant(config, user.refreshToken);
      await logIn(request, userOf(tokens, user));
      request.session.messages = ['The tokens were refreshed.'];
    } catch (error) {
      if (!(error instanceof ResponseBodyError) || error.error !== 'invalid_grant') throw error;
      await logOut(request);
      request.session.messages = ['The provider has ended your login. Log in again.'];
    }
    response.redirect(303, './');
  };
}

async function revoke(config: Configuration, user: User): Promise<void> {
  const { refreshToken, accessToken } = user;
  try {
    // The refresh token goes first of all: with it the others go too (RFC 7009 §2.1).
    await tokenRevocation(config, refreshToken ?? accessToken, {
      token_type_hint: refreshToken === undefined ? 'access_token' : 'refresh_token',
    });
  } catch (error) {
    // The user leaves anyway.
    log('revocation_failed', error);
  }
}

/** Ends the login: the tokens at the provider, the session here, then the provider's own. */
export function logout(config: Configuration, homeUrl: string): RequestHandler {
  return async (request, response) => {
    const user = request.user as User | undefined;
    await logOut(request);
    if (user === undefined) {
      response.redirect(303, './');
      return;
    }
    const { revocation_endpoint, end_session_endpoint } = config.serverMetadata();
    if (revocation_endpoint !== undefined) await revoke(config, user);
    if (end_session_endpoint === undefined) {
      response.redirect(303, './');
      return;
    }
    const url = buildEndSessionUrl(config, {
      post_logout_redirect_uri: homeUrl,
      ...(user.idToken !== undefined && { id_token_hint: user.idToken }),
    });
    response.redirect(303, url.href);
  };
}
