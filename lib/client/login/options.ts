import { createHash } from 'node:crypto';
import type { AuthorizationDetails, Configuration } from 'openid-client';
import { ConfigurationError } from '../../shared/errors.js';
import {
  flag,
  isWebUrl,
  type OptionTable,
  type Reader,
  readOptions,
  type Settings,
  text,
  texts,
  unchecked,
} from '../../shared/options.js';
import {
  type AssertionSource,
  assertionSource,
  checkAuthentication,
  expectsAssertion,
  heedList,
  metadataOf,
  type RequestSigner,
  requestSigner,
} from '../assertion-source.js';
import {
  DPOP_OPTIONS,
  type DPoPOptions,
  PROVIDER_OPTIONS,
  type ProviderOptions,
} from '../tokens/provider.js';
import {
  eventHandlers,
  type LoginRequest,
  type LoginTokens,
  type OpenIdConnectEvents,
} from './events.js';
import { PendingLogins } from './pending-logins.js';

/** Options for the strategy, or for one call of `passport.authenticate` to override them. */
export interface LoginOptions {
  /** The absolute `redirect_uri`. Never from the request: the caller controls the Host header. */
  readonly callbackURL?: string | URL | undefined;
  /** Default `openid`, which is required unless `idTokenExpected` is false. */
  readonly scope?: string | readonly string[] | undefined;
  /** The `resource` parameter (RFC 8707). */
  readonly resource?: string | readonly string[] | undefined;
  /** The `authorization_details` parameter (RFC 9396). */
  readonly authorizationDetails?:
    | AuthorizationDetails
    | readonly AuthorizationDetails[]
    | undefined;
  /** The `prompt` parameter. */
  readonly prompt?: string | undefined;
}

/**
 * Options of `passport.authenticate` with this strategy, in addition to Passport's own. With
 * Passport's types, declare a constant of this type and pass it.
 */
export interface LoginAuthenticateOptions extends LoginOptions {
  /** Mutable, because Passport's types accept no read-only list. */
  readonly scope?: string | string[] | undefined;
  /** The `login_hint` parameter. */
  readonly loginHint?: string | undefined;
  /** The `id_token_hint` parameter. */
  readonly idTokenHint?: string | undefined;
  /** Generated for each login. Keep your own data in the session instead. */
  readonly state?: never;
  readonly [passportOption: string]: unknown;
}

/** Options of an `OpenIdConnectStrategy`. */
export interface OpenIdConnectStrategyOptions
  extends LoginOptions,
    ProviderOptions,
    DPoPOptions<LoginRequest> {
  /**
   * Signs authorize requests; required for `signedAuthorizeRequests`. If set, the client must
   * authenticate by an assertion, unless its metadata has another `token_endpoint_auth_method`.
   */
  readonly assertions?: AssertionSource | undefined;
  readonly callbackURL: string | URL;
  /**
   * Whether a login must return an ID token. Default true. Use false for servers that support only
   * OAuth 2.0: `tokens.claims()` is then undefined, and the verify function must identify the user
   * in another way.
   */
  readonly idTokenExpected?: boolean | undefined;
  /** The name for `passport.authenticate`. Default: the host of the issuer. */
  readonly name?: string | undefined;
  /** JAR (RFC 9101). Default: true if the metadata has `require_signed_request_object`. */
  readonly signedAuthorizeRequests?: boolean | undefined;
  /**
   * Also sends `response_type` and `scope` next to the signed request, as OpenID Connect Core §6.1
   * requires. Never for pushed requests (RFC 9126 §3). Default: true if the scope contains
   * `openid`.
   */
  readonly parametersBesideRequest?: boolean | undefined;
  /** PAR (RFC 9126). Default: true if the metadata has `require_pushed_authorization_requests`. */
  readonly usePAR?: boolean | undefined;
  /** Handlers for the stages of a login. */
  readonly events?: OpenIdConnectEvents | undefined;
  /** Passes the request to the verify function as its first argument. Default false. */
  readonly passReqToCallback?: false | undefined;
}

/** The same options, for a verify function that receives the request. */
export type OpenIdConnectStrategyOptionsWithRequest = Omit<
  OpenIdConnectStrategyOptions,
  'passReqToCallback'
> & { readonly passReqToCallback: true };

/** Reports the user, a refused login, or an error to Passport. Only the first call counts. */
export type Verified = (error?: unknown, user?: object | false | null, info?: object) => void;

/** Passes the user of a login to `verified`. A rejected promise is an error. */
export type Verify = (tokens: LoginTokens, verified: Verified) => void | Promise<void>;

/**
 * The same with the request. A method, so that you can use Express's own request type.
 * @useDeclaredType
 */
export type VerifyWithRequest = {
  verify(request: LoginRequest, tokens: LoginTokens, verified: Verified): void | Promise<void>;
}['verify'];

const LOGIN_TIMEOUT = 3600;

export interface LoginSettings {
  readonly config: Configuration;
  readonly issuer: string;
  /** Undefined if the authorization request stays unsigned. */
  readonly signer: RequestSigner | undefined;
  readonly assertionExpected: boolean;
  readonly idTokenExpected: boolean;
  /** Undefined if the scope decides. */
  readonly parametersBesideRequest: boolean | undefined;
  readonly usePAR: boolean;
  readonly DPoP: NonNullable<OpenIdConnectStrategyOptions['DPoP']>;
  readonly events: OpenIdConnectEvents;
  readonly pending: PendingLogins;
  readonly passReqToCallback: boolean;
  readonly name: string | undefined;
  readonly defaults: LoginOptions;
}

/** The names of openid-client's own strategy options. */
const HINTS = { useJAR: 'use signedAuthorizeRequests' };

const callbackUrl: Reader<string | URL> = (name, value) => {
  if (isWebUrl(value) && new URL(String(value)).hash === '') return value as string | URL;
  throw new TypeError(
    `${name} must be an absolute URL without a fragment, such as https://client.example/cb`,
  );
};

const textOrTexts: Reader<string | readonly string[] | undefined> = (name, value) =>
  value === undefined || typeof value === 'string' ? value : texts()(name, value);

const flagOrMetadata: Reader<boolean | undefined> = (name, value) =>
  value === undefined ? undefined : flag(false)(name, value);

const OPTIONS = {
  ...PROVIDER_OPTIONS,
  assertions: assertionSource,
  callbackURL: callbackUrl,
  scope: textOrTexts,
  resource: textOrTexts,
  authorizationDetails: unchecked<LoginOptions['authorizationDetails']>(),
  prompt: text(undefined),
  idTokenExpected: flag(true),
  name: text(undefined),
  signedAuthorizeRequests: flagOrMetadata,
  parametersBesideRequest: flagOrMetadata,
  usePAR: flagOrMetadata,
  ...DPOP_OPTIONS,
  events: eventHandlers,
  passReqToCallback: flag(false),
} satisfies OptionTable<OpenIdConnectStrategyOptions>;

type Given = Settings<typeof OPTIONS>;

/** Without the scope `openid` there is no ID token (OIDC Core §3.1.2.1). */
export const hasOpenId = (scope: LoginOptions['scope'] | null): boolean =>
  (typeof scope === 'string' ? scope.split(' ') : (scope ?? [])).includes('openid');

function checkScope(scope: LoginOptions['scope'], idTokenExpected: boolean): void {
  if (!idTokenExpected || hasOpenId(scope)) return;
  throw new TypeError(
    'scope must contain openid, because the ID token says who the user is: set idTokenExpected: false if the verify function finds that out in another way',
  );
}

function checkAssertions({ assertions, config }: Given): void {
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

/** RFC 8414 §2. Missing metadata rules out nothing. */
function checkMetadata(
  { config, assertions }: Given,
  signer: RequestSigner | undefined,
  usePAR: boolean,
): void {
  heedList(
    config,
    'code_challenge_methods_supported',
    'S256',
    'the strategy always sends PKCE with S256',
  );
  const { issuer } = config.serverMetadata();
  if (usePAR && metadataOf(config, 'pushed_authorization_request_endpoint') === undefined) {
    throw new TypeError(
      `The metadata of ${issuer} has no pushed_authorization_request_endpoint: set usePAR: false`,
    );
  }
  if (signer !== undefined) {
    if (metadataOf(config, 'request_parameter_supported') === false) {
      throw new TypeError(
        `The metadata of ${issuer} rules this out with request_parameter_supported false: set signedAuthorizeRequests: false`,
      );
    }
    const alg = signer.key?.alg;
    const member = 'request_object_signing_alg_values_supported';
    heedList(config, member, alg, `the key signs with ${alg}, so use another key or alg`);
  }
  checkAuthentication(config, ['token_endpoint'], assertions);
}

function signerOf({
  assertions,
  config,
  signedAuthorizeRequests,
}: Given): RequestSigner | undefined {
  const isRequired = config.serverMetadata().require_signed_request_object === true;
  if (!(signedAuthorizeRequests ?? isRequired)) return undefined;
  return requestSigner(assertions);
}

/** Only the strategy that began a login can finish it. */
function ownerOf({ config, callbackURL }: Given): string {
  const { issuer } = config.serverMetadata();
  const { client_id } = config.clientMetadata();
  const named = JSON.stringify([issuer, client_id, new URL(callbackURL).href]);
  return createHash('sha256').update(named).digest('base64url');
}

export function loginSettings(
  options: OpenIdConnectStrategyOptions | OpenIdConnectStrategyOptionsWithRequest,
): LoginSettings {
  const given = readOptions('OpenIdConnectStrategy', options, OPTIONS, HINTS);
  const { config, assertions, idTokenExpected, callbackURL, scope = 'openid' } = given;
  checkAssertions(given);
  checkScope(scope, idTokenExpected);
  const { resource, authorizationDetails, prompt } = given;
  const { issuer, require_pushed_authorization_requests } = config.serverMetadata();
  const signer = signerOf(given);
  const usePAR = given.usePAR ?? require_pushed_authorization_requests === true;
  checkMetadata(given, signer, usePAR);
  return {
    config,
    issuer,
    signer,
    assertionExpected: assertions !== undefined && expectsAssertion(config),
    idTokenExpected,
    parametersBesideRequest: given.parametersBesideRequest,
    usePAR,
    DPoP: given.DPoP ?? (() => undefined),
    events: given.events,
    pending: new PendingLogins(LOGIN_TIMEOUT, ownerOf(given)),
    passReqToCallback: given.passReqToCallback,
    name: given.name,
    defaults: { callbackURL, scope, resource, authorizationDetails, prompt },
  };
}

export function checkLoginOptions(options: LoginAuthenticateOptions): void {
  const { callbackURL, state } = options;
  if (callbackURL !== undefined) callbackUrl('callbackURL', callbackURL);
  for (const name of ['scope', 'resource'] as const) textOrTexts(name, options[name]);
  if (state === undefined) return;
  throw new ConfigurationError(
    'state is new for each login: leave it out, and keep what you must remember in the session.',
  );
}
