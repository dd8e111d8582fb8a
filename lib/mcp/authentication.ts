import { createHash, timingSafeEqual } from 'node:crypto';
import { type FindClient, lookUpClient } from '../clients/lookup.js';
import { failureWithoutAssertion } from '../clients/policy.js';
import type { RequestAuthenticator } from '../server/request-authenticator.js';
import { OAuthError } from '../shared/errors.js';
import type { ExpressRequest } from '../shared/http.js';
import type { Failure } from '../shared/reasons.js';
import { type McpClient, withoutSecret } from './clients.js';
import type { McpClientInformation } from './provider.js';

export interface CurrentClient {
  readonly client: McpClientInformation;
  /** False for a public client. */
  readonly isProved: boolean;
}

/** RFC 6749 §2.3.1. */
interface Shown {
  readonly clientId: unknown;
  /** Possible secrets: the SDKs do not encode the secret in the Basic scheme. */
  readonly secrets?: readonly string[] | undefined;
  readonly method?: 'client_secret_basic' | 'client_secret_post' | undefined;
}

/** An unknown id may be a secret that was sent by mistake, unless it is a URL. */
const IS_URL = /^https?:\/\//i;

const SECRET_METHODS: readonly unknown[] = ['client_secret_post', 'client_secret_basic'];

export const formOf = ({ body }: ExpressRequest): Record<string, unknown> =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};

/** The Basic scheme contains application/x-www-form-urlencoded (RFC 6749 §2.3.1). */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function basicIn(authorization: string): Shown {
  const [, encoded = ''] = /^basic +([\w+/=-]+) *$/i.exec(authorization) ?? [];
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  const secret = text.slice(colon + 1);
  return {
    clientId: colon < 1 ? undefined : decoded(text.slice(0, colon)),
    secrets: [secret, decoded(secret)],
    method: 'client_secret_basic',
  };
}

function shownBy(request: ExpressRequest): Shown {
  const { client_id: clientId, client_secret: secret } = formOf(request);
  const authorization = request.headers.authorization?.trim();
  if (!authorization) {
    if (typeof secret !== 'string' || secret === '') return { clientId };
    return { clientId, secrets: [secret], method: 'client_secret_post' };
  }
  const basic = basicIn(authorization);
  const isOther = clientId !== undefined && clientId !== '' && clientId !== basic.clientId;
  return isOther ? { ...basic, clientId: undefined } : basic;
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Does not even reveal lengths. */
const isEqual = (a: string, b: string): boolean => timingSafeEqual(sha256(a), sha256(b));

const hasSecret = ({ metadata }: McpClient): boolean => Boolean(metadata.client_secret);

/** A method that the router cannot check never lets a client in; only `none` is public. */
function failureOf(client: McpClient, { method, secrets = [] }: Shown): Failure | undefined {
  const sent = method === undefined ? [] : ['client_secret'];
  const pinned = client.tokenEndpointAuthMethod ?? undefined;
  const shown = SECRET_METHODS.includes(pinned) ? (method ?? 'client_secret_post') : undefined;
  const failure = failureWithoutAssertion(client, shown, sent);
  if (failure !== undefined) return failure;
  const { client_secret = '', client_secret_expires_at: end } = client.metadata;
  if (hasSecret(client)) {
    const hasEnded = Boolean(end) && Number(end) <= Date.now() / 1000;
    const isRight = secrets.some((secret) => isEqual(client_secret, secret));
    if (isRight && !hasEnded) return undefined;
    return { reason: 'client_secret_invalid', expected: pinned, actual: method ?? 'none' };
  }
  if ((pinned === undefined || pinned === 'none') && method === undefined) return undefined;
  return { reason: 'client_method_mismatch', expected: pinned ?? 'none', actual: method };
}

export class McpAuthentication {
  private readonly authenticator: RequestAuthenticator<McpClient>;
  private readonly findClient: FindClient<McpClient>;

  constructor(authenticator: RequestAuthenticator<McpClient>, findClient: FindClient<McpClient>) {
    this.authenticator = authenticator;
    this.findClient = findClient;
  }

  /** Without its secret if the client authenticated by a key. */
  async identify(request: ExpressRequest, endpoint: string): Promise<CurrentClient> {
    const authenticated = await this.authenticator.authenticate(request, endpoint);
    if (authenticated !== undefined) {
      return { client: withoutSecret(authenticated.client.metadata), isProved: true };
    }
    await this.authenticator.assertOneMethod(request, endpoint);
    const shown = shownBy(request);
    const { clientId } = shown;
    if (typeof clientId !== 'string' || clientId === '') {
      const absence = await this.authenticator.reportAbsence(request, endpoint);
      if (shown.method !== undefined || Object.keys(formOf(request)).length === 0) throw absence;
      throw new OAuthError('invalid_request', 'The parameter client_id is missing.');
    }
    const { lookupTimeout } = this.authenticator.pipeline.settings;
    const found = await lookUpClient(this.findClient, clientId, request, lookupTimeout);
    if (found.client === undefined) {
      const name = IS_URL.test(clientId) ? clientId : undefined;
      throw await this.authenticator.reportRefusal(request, found.failure, endpoint, name);
    }
    const failure = failureOf(found.client, shown);
    if (failure !== undefined) {
      throw await this.authenticator.reportRefusal(request, failure, endpoint, clientId);
    }
    const method = shown.method ?? 'none';
    await this.authenticator.reportSuccess(request, clientId, method, endpoint);
    return { client: found.client.metadata, isProved: hasSecret(found.client) };
  }
}
