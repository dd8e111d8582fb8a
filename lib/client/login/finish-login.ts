import { decodeJwt } from 'jose';
import { authorizationCodeGrant } from 'openid-client';
import { ConfigurationError } from '../../shared/errors.js';
import { readForm } from '../../shared/http.js';
import { safeText } from '../../shared/safe.js';
import { call, revokeTokens } from '../tokens/provider.js';
import { sessionHasEnded } from '../tokens/session.js';
import type { LoginRequest, LoginTokens } from './events.js';
import type { LoginSettings } from './options.js';
import { LoginStateError, type PendingLogin } from './pending-logins.js';

function formParameters(request: LoginRequest): URLSearchParams {
  const body = readForm(request) ?? {};
  return new URLSearchParams(
    Object.entries(body).flatMap(([name, value]) =>
      [value].flat().map((single: unknown): [string, string] => [name, String(single)]),
    ),
  );
}

/** openid-client validates the response against the same `state`. */
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

/** A provider that cannot read the request object does not know the state. */
function errorIn(response: URLSearchParams): string | undefined {
  const error = response.get('error');
  if (error === null) return undefined;
  const description = response.get('error_description');
  return safeText(description === null ? error : `${error}: ${description}`);
}

/** As the redirect URI received it, even if a proxy rewrote the URL. */
function responseAt({ redirectUri }: PendingLogin, response: URLSearchParams, isForm: boolean) {
  const url = new URL(redirectUri);
  if (isForm) return new Request(url, { method: 'POST', body: response });
  url.search = response.toString();
  return url;
}

function requireAssertion(tokenEndpointRequest: URLSearchParams): void {
  if (tokenEndpointRequest.has('client_assertion')) return;
  throw new ConfigurationError(
    'The token request has no client_assertion: pass clientAssertion(assertions) as the fourth argument of discovery. If the client authenticates in another way, set token_endpoint_auth_method in its metadata.',
  );
}

/** @throws {LoginStateError} if no pending login matches the response */
export async function finishLogin(
  settings: LoginSettings,
  request: LoginRequest,
  currentUrl: URL,
  parameters: URLSearchParams,
): Promise<LoginTokens> {
  const { config, events, pending } = settings;
  const isForm = request.method === 'POST';
  const response = isForm ? formParameters(request) : currentUrl.searchParams;
  const login = await pending.take(request, stateOf(response), errorIn(response));
  const dpop = await settings.DPoP(request);

  const beforeRedemption = async (tokenEndpointRequest: URLSearchParams) => {
    // openid-client drops the query of a redirect URI, but the value must equal the earlier one.
    tokenEndpointRequest.set('redirect_uri', login.redirectUri);
    await events.authorizationCodeReceived?.({ request, tokenEndpointRequest });
    if (settings.assertionExpected) requireAssertion(tokenEndpointRequest);
  };
  const tokens = await call(
    config,
    () =>
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
    { beforeRedemption },
  );
  // The user has logged out in another tab. That ends this login too.
  if (await sessionHasEnded(request)) {
    const { access_token: accessToken, refresh_token: refreshToken } = tokens;
    await revokeTokens(config, { accessToken, refreshToken }).catch(() => undefined);
    throw new LoginStateError();
  }
  await events.tokenResponseReceived?.({ request, tokens });
  return tokens;
}
