import {
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  type Configuration,
  calculatePKCECodeChallenge,
  type DPoPHandle,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { ConfigurationError } from '../../shared/errors.js';
import { isWebUrl } from '../../shared/options.js';
import { call } from '../tokens/provider.js';
import type { LoginRequest } from './events.js';
import { hasOpenId, type LoginSettings } from './options.js';
import type { PendingLogin } from './pending-logins.js';

function configuredParameters(config: Configuration): URLSearchParams {
  const { searchParams } = buildAuthorizationUrl(config, {});
  const parameters = new URLSearchParams();
  for (const name of ['client_id', 'response_type', 'response_mode']) {
    const value = searchParams.get(name);
    if (value !== null) parameters.set(name, value);
  }
  if (parameters.get('response_type')?.includes('id_token')) {
    parameters.set('response_mode', 'form_post');
  }
  return parameters;
}

async function bind(
  parameters: URLSearchParams,
  codeVerifier: string,
  dpop: DPoPHandle | undefined,
): Promise<void> {
  const values = {
    state: randomState(),
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    // A nonce needs an ID token, which requires the scope openid (OIDC Core §3.1.2.1).
    nonce: hasOpenId(parameters.get('scope')) ? randomNonce() : undefined,
    dpop_jkt: await dpop?.calculateThumbprint(),
  };
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && !parameters.has(name)) parameters.set(name, value);
  }
}

function pendingLogin(
  parameters: URLSearchParams,
  codeVerifier: string,
): Omit<PendingLogin, 'owner'> {
  const [state, redirectUri] = [parameters.get('state'), parameters.get('redirect_uri')];
  const [nonce, maxAge] = [parameters.get('nonce'), parameters.get('max_age')];
  if (!state || !redirectUri) {
    throw new ConfigurationError('The authorization request has lost its state or redirect_uri.');
  }
  if (!isWebUrl(redirectUri)) {
    throw new ConfigurationError('The redirect_uri must be an absolute URL.');
  }
  if (maxAge !== null && !/^\d{1,15}$/.test(maxAge)) {
    throw new ConfigurationError('max_age must be a whole number of seconds.');
  }
  if (parameters.get('response_mode')?.startsWith('fragment')) {
    throw new ConfigurationError(
      'No server sees the fragment of a URL: leave response_mode out, or use form_post.',
    );
  }
  return {
    state,
    codeVerifier,
    redirectUri,
    ...(nonce !== null && { nonce }),
    ...(maxAge !== null && { maxAge: Number(maxAge) }),
    startedAt: Date.now(),
  };
}

/** OIDC Core §6.1. */
function besideRequest(
  { parametersBesideRequest }: LoginSettings,
  parameters: URLSearchParams,
): Record<string, string> {
  if (!(parametersBesideRequest ?? hasOpenId(parameters.get('scope')))) return {};
  const names = ['response_type', 'scope'].filter((name) => parameters.has(name));
  return Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? '']));
}

async function authorizationUrl(
  settings: LoginSettings,
  parameters: URLSearchParams,
  dpop: DPoPHandle | undefined,
): Promise<URL> {
  const { config, issuer, signer, usePAR } = settings;
  const request = await signer?.signAuthorizationRequest(parameters, { server: { issuer } });
  if (usePAR) {
    const pushed = request === undefined ? parameters : { request };
    return call(config, () => buildAuthorizationUrlWithPAR(config, pushed, dpop && { DPoP: dpop }));
  }
  if (request === undefined) return buildAuthorizationUrl(config, parameters);
  return buildAuthorizationUrl(config, { request, ...besideRequest(settings, parameters) });
}

/** Returns where to redirect the user. */
export async function startLogin(
  settings: LoginSettings,
  request: LoginRequest,
  parameters: URLSearchParams,
): Promise<URL> {
  const protocolMessage = configuredParameters(settings.config);
  for (const name of parameters.keys()) protocolMessage.delete(name);
  for (const [name, value] of parameters) protocolMessage.append(name, value);

  const dpop = await settings.DPoP(request);
  const codeVerifier = randomPKCECodeVerifier();
  await bind(protocolMessage, codeVerifier, dpop);
  await settings.events.redirectToIdentityProvider?.({ request, protocolMessage });

  if (settings.idTokenExpected && !hasOpenId(protocolMessage.get('scope'))) {
    throw new ConfigurationError(
      'The authorization request has no scope openid, so no ID token would say who the user is.',
    );
  }
  const login = pendingLogin(protocolMessage, codeVerifier);
  const url = await authorizationUrl(settings, protocolMessage, dpop);
  await settings.pending.add(request, login);
  return url;
}
