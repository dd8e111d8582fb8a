import { AuthorizationResponseError } from 'openid-client';
import { Passport } from 'passport';
import { OpenIdConnectStrategy } from 'passport-private-key-jwt/client';
import type { Provider } from './provider.js';
import type { Settings } from './settings.js';
import { userOf } from './user.js';

/** Passport with the one strategy of this server, `oidc`. */
export function createPassport(
  { config, assertions }: Provider,
  { scope, prompt, signRequests, usePAR }: Settings,
  callbackURL: string,
): InstanceType<typeof Passport> {
  const passport = new Passport();
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user: Express.User, done) => done(null, user));
  passport.use(
    'oidc',
    new OpenIdConnectStrategy(
      {
        config,
        assertions,
        callbackURL,
        scope,
        prompt,
        signedAuthorizeRequests: signRequests,
        usePAR,
        events: {
          remoteFailure(context) {
            // Whatever the provider said is shown on the page; all else is an error of ours.
            if (context.error instanceof AuthorizationResponseError) context.outcome = 'fail';
          },
        },
      },
      (tokens, verified) => verified(null, userOf(tokens)),
    ),
  );
  return passport;
}
