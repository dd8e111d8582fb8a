import { createHash } from 'node:crypto';
import type { Configuration } from 'openid-client';
import { ConfigurationError } from '../../shared/errors.js';
import { assertKnownOptions, callback, flag, given } from '../../shared/option-checks.js';
import { isWebUrl } from '../../shared/options.js';
import type { AssertionService } from '../assertion-service.js';
import { checkConfiguration } from '../client-auth.js';
import { checkEvents, type OpenIdConnectEvents } from './events.js';
import { PendingLogins } from './pending-logins.js';
import {
  type LoginAuthenticateOptions,
  type LoginOptions,
  type OpenIdConnectStrategyOptions,
  type OpenIdConnectStrategyOptionsWithRequest,
  STRATEGY_OPTIONS,
} from './strategy-options.js';

const DAY = 86_400;

/** Methods of the metadata that are assertions (RFC 7591 §2). */
const ASSERTION_METHODS: readonly unknown[] = [undefined, 'private_key_jwt', 'client_secret_jwt'];

/** The options that a login uses, checked and with their defaults. */
export interface LoginSettings {
  readonly config: Configuration;
  readonly issuer: string;
  /** Signs the authorization request; undefined where it is not to be signed. */
  readonly signer: AssertionService | undefined;
  /** Whether the token request must have a client assertion. */
  readonly assertionExpected: boolean;
  readonly idTokenExpected: boolean;
  readonly usePAR: boolean;
  readonly DPoP: NonNullable<OpenIdConnectStrategyOptions['DPoP']>;
  readonly events: OpenIdConnectEvents;
  readonly pending: PendingLogins;
  /** What a call of `passport.authenticate` may set over. */
  readonly defaults: LoginOptions;
}

type Options = OpenIdConnectStrategyOptions | OpenIdConnectStrategyOptionsWithRequest;

/** What openid-client's own strategy calls otherwise. */
const HINTS = { useJAR: 'use signedAuthorizeRequests' };

function checkCallbackUrl(callbackURL: unknown): void {
  if (isWebUrl(callbackURL) && new URL(String(callbackURL)).hash === '') return;
  throw new TypeError(
    'callbackURL must be an absolute URL without a fragment, such as https://client.example/cb',
  );
}

/** Whether a scope has `openid`, without which there is no ID token (OIDC Core §3.1.2.1). */
export const hasOpenId = (scope: LoginOptions['scope'] | null): boolean =>
  (typeof scope === 'string' ? scope.split(' ') : (scope ?? [])).includes('openid');

function checkScope(scope: LoginOptions['scope'], idTokenExpected: boolean): void {
  if (!idTokenExpected || hasOpenId(scope)) return;
  throw new TypeError(
    'scope must have openid, without which nobody says who the user is: set idTokenExpected: false where the verify function learns it elsewhere',
  );
}

function checkAssertions({ assertions, config }: Options): void {
  if (assertions === undefined) return;
  const { client_id } = config.clientMetadata();
  const { issuer } = config.serverMetadata();
  if (assertions.clientId !== client_id) {
    throw new TypeError(
      `assertions is for the client ${assertions.clientId}, config for ${client_id}`,
    );
  }
  if (assertions.issuer !== undefined && assertions.issuer !== issuer) {
    throw new TypeError(
      `assertions is for the server ${assertions.issuer}, config for ${issuer}: write issuer as the metadata does, or leave it out`,
    );
  }
}

function signerOf({ assertions, config, signedAuthorizeRequests }: Options) {
  const isRequired = config.serverMetadata().require_signed_request_object === true;
  if (!flag('signedAuthorizeRequests', signedAuthorizeRequests, isRequired)) return undefined;
  if (assertions !== undefined) return assertions;
  throw new TypeError('Signed authorize requests need the AssertionService as assertions');
}

function timeoutOf({ loginTimeout = 3600 }: Options): number {
  if (Number.isFinite(loginTimeout) && loginTimeout > 0 && loginTimeout <= DAY) return loginTimeout;
  throw new TypeError(`loginTimeout must be a positive number of seconds, at most ${DAY}`);
}

/** Names a strategy: a login that began at one is not finished at another. */
function ownerOf({ config, callbackURL }: Options): string {
  const { issuer } = config.serverMetadata();
  const { client_id } = config.clientMetadata();
  const named = JSON.stringify([issuer, client_id, new URL(callbackURL).href]);
  return createHash('sha256').update(named).digest('base64url');
}

/**
 * Checks the options of a strategy and fills in the defaults.
 *
 * @throws {TypeError} with a sentence that says what to change
 */
export function loginSettings(options: Options): LoginSettings {
  assertKnownOptions('OpenIdConnectStrategy', options, STRATEGY_OPTIONS, HINTS);
  const { config, callbackURL, scope = 'openid', sessionKey = 'openid-connect' } = given(options);
  checkConfiguration(config);
  checkCallbackUrl(callbackURL);
  checkAssertions(options);
  const idTokenExpected = flag('idTokenExpected', options.idTokenExpected, true);
  checkScope(scope, idTokenExpected);
  const { resource, authorizationDetails, prompt } = options;
  const { issuer, require_pushed_authorization_requests } = config.serverMetadata();
  return {
    config,
    issuer,
    signer: signerOf(options),
    assertionExpected:
      options.assertions !== undefined &&
      ASSERTION_METHODS.includes(config.clientMetadata()['token_endpoint_auth_method']),
    idTokenExpected,
    usePAR: flag('usePAR', options.usePAR, require_pushed_authorization_requests === true),
    DPoP: callback('DPoP', options.DPoP) ?? (() => undefined),
    events: checkEvents(options.events),
    pending: new PendingLogins(sessionKey, timeoutOf(options), ownerOf(options)),
    defaults: { callbackURL, scope, resource, authorizationDetails, prompt },
  };
}

/**
 * Checks what a call of `passport.authenticate` sets for a login.
 *
 * @throws {ConfigurationError}
 */
export function checkLoginOptions({ callbackURL, state }: LoginAuthenticateOptions): void {
  if (callbackURL !== undefined) checkCallbackUrl(callbackURL);
  if (state === undefined) return;
  throw new ConfigurationError(
    'The state is made anew for each login: leave it out, and keep what has to be remembered in the session.',
  );
}
