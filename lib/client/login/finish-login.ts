import { AsyncLocalStorage } from 'node:async_hooks';
import { decodeJwt } from 'jose';
import {
  authorizationCodeGrant,
  type Configuration,
  type CustomFetch,
  customFetch,
} from 'openid-client';
import { ConfigurationError } from '../../shared/errors.js';
import { parsedForm } from '../../shared/http.js';
import { safeText } from '../../shared/safe.js';
import type { LoginRequest, LoginTokens } from './events.js';
import type { LoginSettings } from './options.js';
import type { PendingLogin } from './pending-logins.js';

/** The parameters of a response that came as a form (`response_mode=form_post`). */
function formParameters(request: LoginRequest): URLSearchParams {
  const body = parsedForm(request);
  if (body === undefined) {
    throw new ConfigurationError(
      'The response of the provider is a form, but nothing has parsed it: mount express.urlencoded({ extended: false }) before passport.authenticate.',
    );
  }
  return new URLSearchParams(
    Object.entries(body).flatMap(([name, value]) =>
      [value].flat().map((single: unknown): [string, string] => [name, String(single)]),
    ),
  );
}

/** The `state` by which the login is found; openid-client then validates the response against it. */
function stateOf(response: URLSearchParams): string | null {
  const jwt = response.get('response');
  if (jwt === null) return response.get('state');
  try {
    const { state } = decodeJwt(jwt);
    return typeof state === 'string' ? state : null;
  } catch {
    return null;
  }
}

/** A provider that cannot read the request object knows no state either: its error is all there is. */
function errorIn(response: URLSearchParams): string | undefined {
  const error = response.get('error');
  if (error === null) return undefined;
  const description = response.get('error_description');
  return safeText(description === null ? error : `${error}: ${description}`);
}

/** The response as it is at the redirect URI, whatever a proxy made of the URL. */
function responseAt({ redirectUri }: PendingLogin, response: URLSearchParams, isForm: boolean) {
  const url = new URL(redirectUri);
  if (isForm) return new Request(url, { method: 'POST', body: response });
  url.search = response.toString();
  return url;
}

/** @throws {ConfigurationError} where a client that has assertions would authenticate without one */
function requireAssertion(tokenEndpointRequest: URLSearchParams): void {
  if (tokenEndpointRequest.has('client_assertion')) return;
  throw new ConfigurationError(
    'The token request has no client_assertion: pass clientAssertion(assertions) as the fourth argument of discovery. A client that authenticates in another way says so in its metadata, by token_endpoint_auth_method.',
  );
}

type Hook = (parameters: URLSearchParams) => Promise<void>;

const hooks = new AsyncLocalStorage<Hook>();
const hooked = new WeakSet<CustomFetch>();

/** Requests whose hook was called: a fetch that wraps another one may have it installed twice. */
const seen = new WeakSet<URLSearchParams>();

/** Makes the fetch of a configuration call the hook of its caller. Done once per fetch. */
function installHook(config: Configuration): void {
  const send = config[customFetch] ?? (fetch as CustomFetch);
  if (hooked.has(send)) return;
  const fetchWithHook: CustomFetch = async (url, options) => {
    const { body } = options;
    const isRedemption =
      body instanceof URLSearchParams && body.get('grant_type') === 'authorization_code';
    if (isRedemption && !seen.has(body)) {
      seen.add(body);
      await hooks.getStore()?.(body);
    }
    return send(url, options);
  };
  hooked.add(fetchWithHook);
  config[customFetch] = fetchWithHook;
}

/**
 * Calls the hook with the parameters of each code redemption that happens while `run` does, as late
 * as can be: after client authentication, whatever the method, and just before they are sent. The
 * place is openid-client's `customFetch`, the only one that sees the whole request; an
 * AsyncLocalStorage tells the logins that share a configuration apart.
 *
 * @throws what the hook throws, as it is; else what `run` throws
 */
async function withTokenRequestHook<T>(
  config: Configuration,
  hook: Hook,
  run: () => Promise<T>,
): Promise<T> {
  installHook(config);
  const thrown: unknown[] = [];
  const observed: Hook = (parameters) =>
    hook(parameters).catch((error: unknown) => {
      thrown.push(error);
      throw error;
    });
  try {
    return await hooks.run(observed, run);
  } catch (error) {
    throw thrown.length > 0 ? thrown[0] : error;
  }
}

/**
 * Finishes a login: finds it in the session, validates the response and redeems the code.
 *
 * @param parameters what the application adds to the token request
 * @throws {LoginStateError} where no login waits for the response
 */
export async function finishLogin(
  settings: LoginSettings,
  request: LoginRequest,
  currentUrl: URL,
  parameters: URLSearchParams,
): Promise<LoginTokens> {
  const { config, events, pending } = settings;
  const isForm = request.method === 'POST';
  const response = isForm ? formParameters(request) : currentUrl.searchParams;
  const login = pending.take(request, stateOf(response), errorIn(response));
  const dpop = await settings.DPoP(request);

  const beforeTokenRequest = async (tokenEndpointRequest: URLSearchParams) => {
    // openid-client leaves out the query of a redirect URI, which has to be the same as before.
    tokenEndpointRequest.set('redirect_uri', login.redirectUri);
    await events.authorizationCodeReceived?.({ request, tokenEndpointRequest });
    if (settings.assertionExpected) requireAssertion(tokenEndpointRequest);
  };
  const tokens = await withTokenRequestHook(config, beforeTokenRequest, () =>
    authorizationCodeGrant(
      config,
      responseAt(login, response, isForm),
      {
        pkceCodeVerifier: login.codeVerifier,
        expectedState: login.state,
        idTokenExpected: settings.idTokenExpected,
        ...(login.nonce !== undefined && { expectedNonce: login.nonce }),
        ...(login.maxAge !== undefined && { maxAge: login.maxAge }),
      },
      parameters,
      dpop && { DPoP: dpop },
    ),
  );
  await events.tokenResponseReceived?.({ request, tokens });
  return tokens;
}
