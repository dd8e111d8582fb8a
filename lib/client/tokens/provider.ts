import { AsyncLocalStorage } from 'node:async_hooks';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  Configuration,
  type CustomFetch,
  customFetch,
  type DPoPHandle,
  tokenRevocation,
} from 'openid-client';
import { withDeadline } from '../../shared/deadline.js';
import { callback, type OptionTable, type Reader } from '../../shared/options.js';
import { metadataOf, sourceOf } from '../assertion-source.js';
import { type ClientEvent, publish } from '../events.js';
import { KeyRing } from '../keys/key-ring.js';
import { ClientRefusedError, failureOf, isClientFailure, type Seen } from './failures.js';
import type { TokenSet } from './token-store.js';

/** The options that every caller of a provider takes. */
export interface ProviderOptions {
  /** The result of openid-client's `discovery`, called with `clientAssertion(assertions)`. */
  readonly config: Configuration;
}

const configuration: Reader<Configuration> = (_name, value) => {
  if (value instanceof Configuration) return value;
  throw new TypeError(
    'config must be a Configuration of openid-client: await the result of discovery',
  );
};

/** Binds the tokens of a user to a key. */
export interface DPoPOptions<Request> {
  /**
   * Returns openid-client's DPoP handle for a request (RFC 9449). A method, so that you can use
   * Express's own request type. Default: no DPoP.
   */
  readonly DPoP?:
    | {
        handle(request: Request): DPoPHandle | undefined | Promise<DPoPHandle | undefined>;
      }['handle']
    | undefined;
}

export const DPOP_OPTIONS = {
  DPoP: callback<NonNullable<DPoPOptions<unknown>['DPoP']>>(),
} satisfies OptionTable<DPoPOptions<unknown>>;

export const PROVIDER_OPTIONS = { config: configuration } satisfies OptionTable<ProviderOptions>;

/** In milliseconds, to the last byte of the answer. */
const DEADLINE = 30_000;

const MAX_ANSWER = 1_048_576;

const MAX_DEPTH = 64;

const SECRET_PARAMETERS = [
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'refresh_token',
  'token',
  'subject_token',
  'actor_token',
  'assertion',
  'request',
  'id_token_hint',
  'login_hint_token',
];

/** `unanswered`: any request without an answer; `unsent`: only one that certainly was not sent. */
export type Repeatable = 'unanswered' | 'unsent';

export interface CallOptions {
  /** Which requests are repeated once if the network fails. Default: none. */
  readonly repeatable?: Repeatable | undefined;
  /** Called with the parameters of a code redemption just before they are sent. */
  readonly beforeRedemption?: ((parameters: URLSearchParams) => Promise<void>) | undefined;
}

interface Call extends Seen {
  readonly beforeRedemption: CallOptions['beforeRedemption'];
  ring?: KeyRing | undefined;
  readonly deadline: AbortSignal;
  readonly thrown: unknown[];
}

interface ApiCall {
  readonly signal: AbortSignal;
}

const calls = new AsyncLocalStorage<Call | ApiCall>();
const hooked = new WeakSet<CustomFetch>();
/** If one fetch wraps another, the hook may run twice. */
const seenRequests = new WeakSet<URLSearchParams>();

const together = (...signals: (AbortSignal | undefined)[]): AbortSignal =>
  AbortSignal.any(signals.filter((signal) => signal !== undefined));

function installHook(config: Configuration): void {
  const send = config[customFetch] ?? (fetch as CustomFetch);
  if (hooked.has(send)) return;
  const hook: CustomFetch = async (url, options) => {
    const call = calls.getStore();
    if (call === undefined) return send(url, options);
    if ('signal' in call) {
      return send(url, { ...options, signal: together(options.signal, call.signal) });
    }
    const { body } = options;
    noteCredentials(call, options.headers);
    if (body instanceof URLSearchParams) {
      if (!seenRequests.has(body)) {
        seenRequests.add(body);
        await beforeSending(call, body);
      }
      noteRequest(call, body);
    } else {
      call.sent = undefined;
    }
    return answerOf(call, () =>
      send(url, { ...options, signal: together(options.signal, call.deadline) }),
    );
  };
  hooked.add(hook);
  config[customFetch] = hook;
}

async function beforeSending(call: Call, parameters: URLSearchParams): Promise<void> {
  if (parameters.get('grant_type') !== 'authorization_code') return;
  try {
    // Requests that the application makes here do not belong to this call.
    await calls.exit(() => call.beforeRedemption?.(parameters));
  } catch (error) {
    call.thrown.push(error);
    throw error;
  }
}

function noteSecret({ secrets }: Call, value: string | undefined): void {
  // A shorter text may be an ordinary word.
  if (value === undefined || value.length <= 7) return;
  // A server may repeat a value as it was written in the form or in JSON.
  const form = new URLSearchParams({ value }).toString().slice('value='.length);
  const written = [value, encodeURIComponent(value), form, JSON.stringify(value).slice(1, -1)];
  for (const each of written) secrets.add(each);
}

/** An access token, or the client's secret (RFC 6749 §2.3.1, RFC 6750 §2.1). */
function noteCredentials(call: Call, headers: Record<string, string>): void {
  const [scheme = '', credentials] = (new Headers(headers).get('authorization') ?? '').split(' ');
  noteSecret(call, credentials);
  if (scheme.toLowerCase() !== 'basic' || credentials === undefined) return;
  const [, secret] = Buffer.from(credentials, 'base64').toString('utf8').split(':', 2);
  noteSecret(call, secret);
  noteSecret(call, new URLSearchParams(`secret=${secret}`).get('secret') ?? undefined);
}

function noteRequest(call: Call, parameters: URLSearchParams): void {
  call.grantType = parameters.get('grant_type') ?? undefined;
  for (const name of SECRET_PARAMETERS) {
    for (const value of parameters.getAll(name)) noteSecret(call, value);
  }
  const assertion = parameters.get('client_assertion');
  if (assertion === null) return;
  try {
    const { kid, alg, typ } = decodeProtectedHeader(assertion);
    call.sent = { kid, alg, typ, aud: decodeJwt(assertion).aud };
    const { key } = (sourceOf(parameters) ?? {}) as { readonly key?: unknown };
    call.ring = key instanceof KeyRing ? key : undefined;
  } catch {
    // An application may send a value that is not a JWT.
  }
}

const NOT_ANSWERED_YET = {
  status: undefined,
  contentType: undefined,
  error: undefined,
  description: undefined,
  nonsense: undefined,
  networkError: undefined,
};

async function answerOf(call: Call, send: () => Promise<Response>): Promise<Response> {
  Object.assign(call, NOT_ANSWERED_YET);
  try {
    const response = await send();
    const { status, statusText, headers } = response;
    call.status = status;
    call.contentType = headers.get('content-type') ?? undefined;
    if (status > 599) call.nonsense = `its status is ${status}`;
    if (call.nonsense !== undefined) throw new Error(call.nonsense);
    const text = await boundedText(response);
    if (text === undefined) call.nonsense = `it is longer than ${MAX_ANSWER} bytes`;
    else if (isTooDeep(text)) call.nonsense = `it is nested more than ${MAX_DEPTH} levels deep`;
    if (call.nonsense !== undefined) throw new Error(call.nonsense);
    noteAnswer(call, text ?? '');
    // With some statuses, such as 204, a Response may not even have an empty text.
    return new Response(text || null, { status, statusText, headers });
  } catch (error) {
    const broken = [...codesOf(error)].find((code) => NOT_HTTP.test(String(code)));
    if (broken !== undefined) call.nonsense ??= `it is broken HTTP (${broken})`;
    if (call.nonsense === undefined) call.networkError = error;
    throw error;
  }
}

/** After these errors there was an answer, but not one of HTTP or its content encoding. */
const NOT_HTTP = /^(?:HPE_|Z_|ZSTD_|ERR__ERROR_FORMAT|ERR_BROTLI|UND_ERR_HEADERS_OVERFLOW$)/;

/** The text of an answer; undefined if it is longer than any answer of a provider. */
export async function boundedText({ body }: Response): Promise<string | undefined> {
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** A loop instead of recursion, because the text is untrusted. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let isString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isString) {
      if (character === '\\') index += 1;
      else if (character === '"') isString = false;
    } else if (character === '"') {
      isString = true;
    } else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (character === ']' || character === '}') {
      depth -= 1;
    }
  }
  return false;
}

function noteAnswer(call: Call, text: string): void {
  try {
    const { error, error_description } = JSON.parse(text);
    if (typeof error !== 'string') return;
    call.error = error;
    call.description = error_description;
  } catch {
    // openid-client reports invalid JSON.
  }
}

/** There was no connection, so the request certainly was not sent. */
const NOT_SENT = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** No answer, but the request may have been sent. */
const NOT_ANSWERED = [...NOT_SENT, 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

function* codesOf(error: unknown): Generator<unknown> {
  for (let each = error; each instanceof Error; each = each.cause) {
    yield (each as { readonly code?: unknown }).code;
    if (each instanceof AggregateError) for (const inner of each.errors) yield* codesOf(inner);
  }
}

const hasCode = (error: unknown, codes: readonly unknown[]): boolean =>
  [...codesOf(error)].some((code) => codes.includes(code));

/** `send` is called again, so that the second request carries a new assertion. */
export async function sendAgain<Result>(
  send: () => Promise<Result>,
  repeatable: Repeatable,
): Promise<Result> {
  try {
    return await send();
  } catch (error) {
    if (!hasCode(error, repeatable === 'unsent' ? NOT_SENT : NOT_ANSWERED)) throw error;
    return send();
  }
}

export async function call<Result>(
  config: Configuration,
  run: () => Promise<Result>,
  options: CallOptions = {},
): Promise<Result> {
  installHook(config);
  try {
    return await callOnce(config, run, options);
  } catch (error) {
    if (!(await hasOtherKey(config, error))) throw error;
    return callOnce(config, run, options);
  }
}

const refusedKeys = new WeakMap<Error, { readonly ring: KeyRing; readonly kid: string }>();

async function hasOtherKey(config: Configuration, error: unknown): Promise<boolean> {
  const refused = error instanceof Error ? refusedKeys.get(error) : undefined;
  const keyId = await refused?.ring._changeFrom(refused.kid).catch(() => undefined);
  if (keyId === undefined) return false;
  publish(() => clientEvent(config, 'key_changed', { keyId }));
  return true;
}

async function callOnce<Result>(
  config: Configuration,
  run: () => Promise<Result>,
  { repeatable, beforeRedemption }: CallOptions,
): Promise<Result> {
  const deadline = AbortSignal.timeout(DEADLINE);
  const seen: Call = { secrets: new Set(), deadline, beforeRedemption, thrown: [] };
  try {
    const result = calls.run(seen, () =>
      repeatable === undefined ? run() : sendAgain(run, repeatable),
    );
    // The deadline of fetch does not cover signing the assertion.
    return await withDeadline(result, DEADLINE / 1000 + 1, 'A call of the provider');
  } catch (error) {
    if (seen.thrown.length > 0) throw seen.thrown[0];
    const failure = failureOf(error, seen);
    if (isClientFailure(failure)) {
      const { message, error: oauthError } = failure;
      publish(() => clientEvent(config, 'refused', { error: oauthError, message }));
      const kid = seen.sent?.kid;
      if (oauthError === 'invalid_client' && seen.ring !== undefined && kid !== undefined) {
        refusedKeys.set(failure, { ring: seen.ring, kid });
      }
    }
    throw failure;
  }
}

/**
 * Calls the provider through openid-client. Each error says who has to act. The managers and the
 * strategy already call it.
 * @param callOpenIdClient calls openid-client with the same configuration and returns the result
 * @throws {LoginRequiredError} (401) if the user must log in again
 * @throws {ClientRefusedError} (502) if the provider refuses this client or its request: the
 *   message contains the OAuth error, its description and the assertion's header and audience, but
 *   never the assertion
 * @throws {ProviderError} (503) if the provider cannot be reached; (502) if its answer is not OAuth
 * @throws unchanged, the errors of your own functions
 * @example
 * ```ts
 * const { access_token } = await callProvider(config, () => clientCredentialsGrant(config));
 * ```
 */
export async function callProvider<Result>(
  config: Configuration,
  callOpenIdClient: () => Promise<Result>,
): Promise<Result> {
  configuration('config', config);
  return call(config, callOpenIdClient);
}

export function clientEvent(
  config: Configuration,
  type: ClientEvent['type'],
  more: Partial<ClientEvent> = {},
): ClientEvent {
  const clientId = config.clientMetadata().client_id;
  return { type, clientId, issuer: config.serverMetadata().issuer, ...more };
}

export function callApi<Result>(
  config: Configuration,
  signal: AbortSignal,
  run: () => Promise<Result>,
): Promise<Result> {
  installHook(config);
  return calls.run({ signal }, run);
}

/** RFC 7009. Not every server revokes both tokens together. False without `revocation_endpoint`. */
export async function revokeTokens(
  config: Configuration,
  { refreshToken, accessToken }: Pick<TokenSet, 'refreshToken' | 'accessToken'>,
): Promise<boolean> {
  if (metadataOf(config, 'revocation_endpoint') === undefined) return false;
  const errors: unknown[] = [];
  const revoke = async (token: string, hint: string) => {
    try {
      await call(config, () => tokenRevocation(config, token, { token_type_hint: hint }), {
        repeatable: 'unanswered',
      });
    } catch (error) {
      // Servers need not revoke access tokens (RFC 7009 §2).
      const isUnsupported =
        error instanceof ClientRefusedError && error.error === 'unsupported_token_type';
      if (!isUnsupported || hint === 'refresh_token') errors.push(error);
    }
  };
  if (refreshToken !== undefined) await revoke(refreshToken, 'refresh_token');
  await revoke(accessToken, 'access_token');
  if (errors.length > 0) throw errors[0];
  publish(() => clientEvent(config, 'token_revoked'));
  return true;
}
