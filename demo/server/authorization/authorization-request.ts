import { OAuthError } from 'passport-private-key-jwt';
import { hasRedirectUri, type RegisteredClient } from '../clients/registered-client.js';
import { Refusal } from '../errors.js';
import { type Parameters, requireParameter, resourceOf } from '../parameters.js';
import { assertScopes, parseScope } from '../scopes.js';
import { RESPONSE_MODES, type ResponseMode } from './answer.js';

/** An authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1) that can be granted. */
export interface AuthorizationRequest {
  readonly scopes: readonly string[];
  /** Undefined if the client does without PKCE. */
  readonly codeChallenge: string | undefined;
  readonly responseMode: ResponseMode;
  readonly nonce: string | undefined;
  /** What the tokens are for (RFC 8707); undefined for this server itself. */
  readonly resource: string | undefined;
  readonly prompt: readonly string[];
  /** In seconds. */
  readonly maxAge: number | undefined;
  /** When it came, in milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** The values of `prompt` that are understood. */
export const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const;

/** In characters. Anyone can send these, and the server keeps them until the user has decided. */
const MAX_LENGTH = 2048;

/** ASP.NET Core and other clients put a whole return address into their state. */
const MAX_STATE_LENGTH = 8192;

/** RFC 7636 §4.2: the base64url of a SHA-256 hash. */
const CODE_CHALLENGE = /^[\w-]{43}$/;

const invalidRequest = (description: string) => new OAuthError('invalid_request', description);

/**
 * The redirect URI of a request, if it is one of the client's.
 *
 * @throws {OAuthError} which must not be sent to that redirect URI
 */
export function registeredRedirectUri(parameters: Parameters, client: RegisteredClient): string {
  const redirectUri = requireParameter(parameters, 'redirect_uri');
  if (hasRedirectUri(client, redirectUri)) return redirectUri;
  throw new Refusal(
    'invalid_request',
    'The redirect_uri is not registered for the client.',
    'redirect_uri_not_registered',
    redirectUri.slice(0, MAX_LENGTH),
  );
}

function checkLengths(parameters: Parameters): void {
  for (const [name, value] of Object.entries(parameters)) {
    const limit = name === 'state' ? MAX_STATE_LENGTH : MAX_LENGTH;
    if (value.length > limit) throw invalidRequest(`The ${name} is too long.`);
  }
}

function checkResponseType(parameters: Parameters, client: RegisteredClient): void {
  if (requireParameter(parameters, 'response_type') !== 'code') {
    throw new OAuthError('unsupported_response_type', 'The response_type must be code.');
  }
  if (!client.grantTypes.includes('authorization_code')) {
    throw new OAuthError('unauthorized_client', 'The client may not use authorization codes.');
  }
}

const isResponseMode = (value: string): value is ResponseMode =>
  (RESPONSE_MODES as readonly string[]).includes(value);

/** The `response_mode` of a request; the default one if it is unknown here. */
export function responseModeOf({ response_mode = 'query' }: Parameters): ResponseMode {
  return isResponseMode(response_mode) ? response_mode : 'query';
}

function checkResponseMode({ response_mode = 'query' }: Parameters): void {
  if (isResponseMode(response_mode)) return;
  throw invalidRequest(`The response_mode must be ${RESPONSE_MODES.join(' or ')}.`);
}

/** The challenge of PKCE (RFC 7636), which the server's profile or the client may require. */
function codeChallengeOf(parameters: Parameters, isRequired: boolean): string | undefined {
  const { code_challenge: challenge, code_challenge_method: method } = parameters;
  if (challenge === undefined && method === undefined && !isRequired) return undefined;
  if (challenge === undefined) throw invalidRequest('The parameter code_challenge is missing.');
  if (method !== 'S256') {
    throw invalidRequest('The code_challenge_method must be S256.');
  }
  if (CODE_CHALLENGE.test(challenge)) return challenge;
  throw invalidRequest('The code_challenge is not an S256 challenge.');
}

/** `offline_access` is ignored if it cannot be granted (OpenID Connect Core §11). */
function scopesOf(parameters: Parameters, client: RegisteredClient): readonly string[] {
  const requested = parseScope(parameters['scope']) ?? [];
  const scopes = requested.filter(
    (scope) => scope !== 'offline_access' || client.scopes.has(scope),
  );
  assertScopes(scopes, client.scopes);
  return scopes;
}

function promptOf(parameters: Parameters): readonly string[] {
  const prompt = parseScope(parameters['prompt']) ?? [];
  if (!prompt.every((value) => (PROMPTS as readonly string[]).includes(value))) {
    throw invalidRequest('The prompt is not supported.');
  }
  if (prompt.includes('none') && prompt.length > 1) {
    throw invalidRequest('The prompt none cannot be combined with other values.');
  }
  return prompt;
}

function maxAgeOf(parameters: Parameters): number | undefined {
  const maxAge = parameters['max_age'];
  if (maxAge === undefined) return undefined;
  if (/^\d{1,9}$/.test(maxAge)) return Number(maxAge);
  throw invalidRequest('The max_age must be a number of seconds.');
}

/**
 * Checks the parameters of an authorization request whose redirect URI was already checked.
 *
 * @throws {OAuthError} which the client may learn
 */
export function authorizationRequest(
  parameters: Parameters,
  client: RegisteredClient,
  requirePkce: boolean,
): AuthorizationRequest {
  checkLengths(parameters);
  checkResponseMode(parameters);
  checkResponseType(parameters, client);
  return {
    scopes: scopesOf(parameters, client),
    codeChallenge: codeChallengeOf(parameters, requirePkce || client.requirePkce),
    responseMode: responseModeOf(parameters),
    nonce: parameters['nonce'],
    resource: resourceOf(parameters),
    prompt: promptOf(parameters),
    maxAge: maxAgeOf(parameters),
    receivedAt: Date.now(),
  };
}
