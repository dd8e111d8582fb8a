import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { isDisabled } from '../clients/policy.js';
import { ClientAuthenticationError, OAuthError } from '../shared/errors.js';
import { type ExpressRequest, sendOAuthError } from '../shared/http.js';
import { withoutFinalSlash } from '../shared/safe.js';
import { type CurrentClient, formOf } from './authentication.js';
import { type FindMcpClient, isSameRedirectUri, newClient, readRegistration } from './clients.js';
import { type McpClientInformation, type McpServerProvider, oauthErrorOf } from './provider.js';

type Parameters = Readonly<Record<string, unknown>>;

/** Throws OAuth errors, or errors of a provider. */
export type Endpoint = (request: ExpressRequest, response: ServerResponse) => Promise<void>;

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.end(JSON.stringify(body));
}

/** Without a value it counts as omitted, and it must not be repeated (RFC 6749 §3.1, §3.2). */
function optional(parameters: Parameters, name: string): string | undefined {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new OAuthError('invalid_request', `The parameter ${name} was sent more than once.`);
}

function required(parameters: Parameters, name: string): string {
  const value = optional(parameters, name);
  if (value !== undefined) return value;
  throw new OAuthError('invalid_request', `The parameter ${name} is missing.`);
}

const scopesOf = (parameters: Parameters): string[] | undefined =>
  optional(parameters, 'scope')?.split(' ').filter(Boolean);

/** RFC 8707 §2. Providers support a single resource. */
function resourceOf(parameters: Parameters): URL | undefined {
  const value = Object.hasOwn(parameters, 'resource') ? parameters['resource'] : undefined;
  if (value === undefined || value === '') return undefined;
  const isOne = typeof value === 'string' && URL.canParse(value) && !value.includes('#');
  if (isOne) return new URL(value);
  throw new OAuthError('invalid_target', 'resource must be one absolute URL without a fragment.');
}

const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url');

type Grant = (
  provider: McpServerProvider,
  client: McpClientInformation,
  form: Parameters,
) => Promise<unknown>;

const GRANTS: Readonly<Record<string, Grant>> = {
  async authorization_code(provider, client, form) {
    const code = required(form, 'code');
    const verifier = required(form, 'code_verifier');
    const skips = provider.skipLocalPkceValidation === true;
    const resource = resourceOf(form);
    const redirectUri = optional(form, 'redirect_uri');
    if (!skips) {
      const challenge = await provider.challengeForAuthorizationCode(client, code);
      if (challengeOf(verifier) !== challenge) {
        throw new OAuthError('invalid_grant', 'code_verifier does not match the challenge.');
      }
    }
    const passedOn = skips ? verifier : undefined;
    return provider.exchangeAuthorizationCode(client, code, passedOn, redirectUri, resource);
  },
  async refresh_token(provider, client, form) {
    const token = required(form, 'refresh_token');
    return provider.exchangeRefreshToken(client, token, scopesOf(form), resourceOf(form));
  },
  async client_credentials(provider, client, form) {
    const [scopes, resource] = [scopesOf(form), resourceOf(form)];
    return provider.exchangeClientCredentials?.(client, scopes, resource);
  },
};

export const grantsOf = ({ exchangeClientCredentials }: McpServerProvider): string[] =>
  Object.keys(GRANTS).filter(
    (grant) => grant !== 'client_credentials' || exchangeClientCredentials !== undefined,
  );

/** Without `grant_types` only codes (RFC 7591 §2). A refresh token needs no more permission. */
const mayHave = ({ grant_types }: McpClientInformation, grant: string): boolean =>
  grant === 'refresh_token' || (grant_types ?? ['authorization_code']).includes(grant);

const unauthorized = (grant: string): OAuthError =>
  new OAuthError('unauthorized_client', `The client may not use the grant type ${grant}.`);

/** RFC 6749 §3.2. */
export async function tokens(
  provider: McpServerProvider,
  { client, isProved }: CurrentClient,
  form: Parameters,
): Promise<unknown> {
  const type = required(form, 'grant_type');
  const grant = grantsOf(provider).includes(type) ? GRANTS[type] : undefined;
  if (grant === undefined) {
    throw new OAuthError('unsupported_grant_type', 'The grant type is not supported.');
  }
  // RFC 6749 §4.4: anyone can pose as a public client, so it gets no tokens of its own.
  const isOpen = type === 'client_credentials' && !isProved;
  if (isOpen || !mayHave(client, type)) throw unauthorized(type);
  return grant(provider, client, form);
}

/** RFC 7009 §2.1. */
export async function revoke(
  provider: McpServerProvider,
  { client }: CurrentClient,
  form: Parameters,
): Promise<unknown> {
  const token = required(form, 'token');
  const hint = optional(form, 'token_type_hint');
  await provider.revokeToken?.(client, { token, ...(hint && { token_type_hint: hint }) });
  return {};
}

/** RFC 7591 §3. */
export function registrationEndpoint(
  provider: McpServerProvider,
  grantTypes: readonly string[],
): Endpoint {
  return async (request, response) => {
    const client = newClient(readRegistration(request.body), grantTypes);
    sendJson(response, 201, await provider.clientsStore.registerClient?.(client));
  };
}

export const parametersOf = (sent: URLSearchParams): Parameters =>
  Object.fromEntries(
    [...new Set(sent.keys())].map((name) => {
      const values = sent.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );

const queryOf = ({ url = '' }: ExpressRequest): Parameters =>
  parametersOf(new URL(url, 'http://localhost').searchParams);

/** The reason is for the operator only. */
function lookupError(error: unknown): OAuthError {
  if (!(error instanceof ClientAuthenticationError)) return oauthErrorOf(error);
  if (error.status === 503 || error.error === 'unauthorized_client') {
    return new OAuthError(error.error, error.message, error.status);
  }
  const description = 'The client metadata document could not be used';
  return new OAuthError('invalid_client', description, 400);
}

async function clientOf(find: FindMcpClient, clientId: string): Promise<McpClientInformation> {
  const found = await find(clientId).catch((error: unknown) => {
    throw lookupError(error);
  });
  if (found !== undefined && !isDisabled(found)) return found.metadata;
  throw new OAuthError('invalid_client', 'Invalid client_id');
}

/** Until this is known, errors are shown to the user. */
function redirectUriOf({ redirect_uris }: McpClientInformation, asked: string | undefined): string {
  const only = redirect_uris.length === 1 ? redirect_uris[0] : undefined;
  if (asked === undefined && only !== undefined) return only;
  if (asked === undefined) {
    throw new OAuthError('invalid_request', 'The parameter redirect_uri is missing.');
  }
  if (redirect_uris.some((registered) => isSameRedirectUri(asked, registered))) return asked;
  throw new OAuthError('invalid_request', 'Unregistered redirect_uri');
}

/** RFC 9207 §2. */
function withIssuer(location: unknown, redirectUri: string, issuer: string): unknown {
  if (!URL.canParse(String(location))) return location;
  const [target, callback] = [new URL(String(location)), new URL(redirectUri)];
  const isAnswer =
    target.protocol === callback.protocol &&
    target.host === callback.host &&
    target.pathname === callback.pathname;
  if (!isAnswer) return location;
  target.searchParams.set('iss', issuer);
  return target.href;
}

/** An object, or a list in which names and values take turns. */
function setHeaders(response: ServerResponse, headers: object): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    return;
  }
  const names = headers.filter((_, index) => index % 2 === 0).map(String);
  for (const name of names) response.removeHeader(name);
  for (const [index, name] of names.entries()) {
    response.appendHeader(name, headers[index * 2 + 1]);
  }
}

/** To the redirect that a provider sends: Express and Node always end in `writeHead`. */
function addIssuer(response: ServerResponse, redirectUri: string, issuer: string): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]): ServerResponse => {
    const headers = args.at(-1);
    if (typeof headers === 'object' && headers !== null) {
      setHeaders(response, headers);
      args.pop();
    }
    const location = response.getHeader('Location');
    const changed = withIssuer(location, redirectUri, issuer);
    if (changed !== location) response.setHeader('Location', String(changed));
    return writeHead(...args);
  };
}

/** RFC 6749 §4.1.1, with PKCE. */
export function authorizationEndpoint(
  provider: McpServerProvider,
  find: FindMcpClient,
  issuer: string,
): Endpoint {
  return async (request, response) => {
    response.setHeader('Cache-Control', 'no-store');
    const sent = request.method === 'POST' ? formOf(request) : queryOf(request);
    const client = await clientOf(find, required(sent, 'client_id'));
    const redirectUri = redirectUriOf(client, optional(sent, 'redirect_uri'));
    addIssuer(response, redirectUri, issuer);

    let state: string | undefined;
    try {
      state = optional(sent, 'state');
      if (required(sent, 'response_type') !== 'code') {
        throw new OAuthError('unsupported_response_type', 'response_type must be code.');
      }
      if (!mayHave(client, 'authorization_code')) throw unauthorized('authorization_code');
      const codeChallenge = required(sent, 'code_challenge');
      if (required(sent, 'code_challenge_method') !== 'S256') {
        throw new OAuthError('invalid_request', 'code_challenge_method must be S256.');
      }
      const resource = resourceOf(sent);
      await provider.authorize(
        client,
        { state, scopes: scopesOf(sent) ?? [], redirectUri, codeChallenge, resource, issuer },
        response,
      );
    } catch (thrown) {
      if (response.headersSent) throw thrown;
      const { error, message } = oauthErrorOf(thrown);
      const answer = new URL(redirectUri);
      answer.searchParams.set('error', error);
      answer.searchParams.set('error_description', message);
      if (state !== undefined) answer.searchParams.set('state', state);
      response.writeHead(302, { Location: answer.href }).end();
    }
  };
}

/** RFC 6750 §3.1. */
function refuseToken(
  response: ServerResponse,
  { error, message, status }: OAuthError,
  parameters: Readonly<Record<string, string>>,
): void {
  if (status === 401 || status === 403) {
    const said = Object.entries({ error, error_description: message, ...parameters });
    const challenge = said.map(([name, value]) => `${name}="${value.replace(/["\\]/g, ' ')}"`);
    response.setHeader('WWW-Authenticate', `Bearer ${challenge.join(', ')}`);
  }
  sendJson(response, status, { error, error_description: message });
}

const comparable = (resource: URL): string => withoutFinalSlash(resource.href.replace(/#.*$/, ''));

const invalidToken = (description: string): OAuthError =>
  new OAuthError('invalid_token', description, 401);

/** RFC 6750, RFC 8707. False if the request has been answered. */
export async function requireAccessToken(
  request: ExpressRequest,
  response: ServerResponse,
  {
    provider,
    resource,
    metadataUrl,
    scopes,
  }: {
    readonly provider: McpServerProvider;
    readonly resource: URL;
    readonly metadataUrl: string;
    readonly scopes: readonly string[];
  },
): Promise<boolean> {
  try {
    const [, token] = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) throw invalidToken('The request has no bearer token.');
    const info = await provider.verifyAccessToken(token);
    if (info.resource === undefined || comparable(info.resource) !== comparable(resource)) {
      throw invalidToken('The token was not issued for this resource.');
    }
    if (typeof info.expiresAt !== 'number' || !(info.expiresAt > Date.now() / 1000)) {
      throw invalidToken('The token has expired or has no expiration.');
    }
    if (!scopes.every((scope) => info.scopes.includes(scope))) {
      throw new OAuthError('insufficient_scope', 'The token does not have the scope.', 403);
    }
    const client = await provider.clientsStore.getClient(info.clientId);
    if (client !== undefined && isDisabled(client)) {
      throw invalidToken('The client of the token is disabled.');
    }
    Object.assign(request, { auth: info });
    return true;
  } catch (thrown) {
    refuseToken(response, oauthErrorOf(thrown), {
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      resource_metadata: metadataUrl,
    });
    return false;
  }
}

/** Breaks off an answer that has begun. */
export function sendError(
  thrown: unknown,
  request: ExpressRequest,
  response: ServerResponse,
): void {
  const error = oauthErrorOf(thrown);
  if (response.headersSent) response.destroy();
  else sendOAuthError(error, request, response);
}
