import { createRequire } from 'node:module';
import { CLIENT_ASSERTION_TYPE } from 'passport-private-key-jwt';
import { CLIENT_ID, ISSUER, type Keys } from '../assertions.js';

/** Packages that are installed for the benchmarks alone. */
const peers = createRequire(new URL('../peers/package.json', import.meta.url));

interface JwtBearerClientAuth {
  verify(options: {
    readonly token: string;
    readonly hint: object;
    readonly issuer: string;
    readonly clientId: string;
    readonly tokenEndpoint: string;
  }): Promise<object>;
}

/** `jwt-bearer-client-auth`, which reads RSA keys alone and knows no replay. */
export function jwtBearerClientAuth({ jwk }: Keys) {
  const { verify } = peers('jwt-bearer-client-auth') as JwtBearerClientAuth;
  const hint = { keys: [jwk] };
  // It refuses an nbf of this very second; what is measured was signed before.
  return (token: string) =>
    verify({ token, hint, issuer: CLIENT_ID, clientId: CLIENT_ID, tokenEndpoint: ISSUER });
}

interface Strategy {
  success(client: object): void;
  fail(): void;
  error(error: unknown): void;
  authenticate(request: object): void;
}

type Done<T> = (error: unknown, result: T) => void;

type StrategyClass = new (
  keyOf: (clientId: string, done: Done<string>) => void,
  clientOf: (clientId: string, done: Done<object>) => void,
) => Strategy;

/** `passport-oauth2-jwt-bearer`, which checks the signature and no claim. */
export function passportOauth2JwtBearer({ verifying }: Keys) {
  const { Strategy } = peers('passport-oauth2-jwt-bearer') as { Strategy: StrategyClass };
  const pem = verifying.export({ type: 'spki', format: 'pem' }).toString();
  const client = { clientId: CLIENT_ID };
  const strategy = new Strategy(
    (_clientId, done) => done(null, pem),
    (_clientId, done) => done(null, client),
  );
  return (client_assertion: string) =>
    new Promise((resolve, reject) => {
      const refuse = () => reject(new Error('The client was refused.'));
      Object.assign(strategy, { success: resolve, fail: refuse, error: reject });
      strategy.authenticate({
        body: { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE },
      });
    });
}
