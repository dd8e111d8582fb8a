import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ConfigurationError, OAuthError } from './errors.js';

/** The members that are read, in any framework. */
export interface FormRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly originalUrl?: string;
  readonly headers: IncomingHttpHeaders;
  readonly body?: unknown;
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
}

/** Version 4 or 5. */
export interface ExpressRequest extends IncomingMessage {
  readonly body?: unknown;
  readonly originalUrl?: string;
}

export type Next = (error?: unknown) => void;

/**
 * Assignable to Express's own type. Its request declares no body, so that Express infers the body
 * type of the next handlers.
 */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** An empty Authorization header counts as absent: some gateways add one. */
export const hasAuthorization = (authorization: string | null | undefined): boolean =>
  typeof authorization === 'string' && authorization.trim() !== '';

/** The challenge must match the scheme that the caller used (RFC 6749 §5.2). */
const schemeOf = (authorization: string): string =>
  /^[A-Za-z][A-Za-z0-9-]{0,31}(?= |$)/.exec(authorization)?.[0] ?? 'Basic';

/** RFC 6749 §5.2: never cached, and `WWW-Authenticate` only if the caller used Authorization. */
export function oauthAnswer(error: OAuthError, authorization: string | null | undefined): Answer {
  const isChallenge = error.status === 401 && hasAuthorization(authorization);
  return {
    status: error.status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      Pragma: 'no-cache',
      ...(isChallenge && {
        'WWW-Authenticate': `${schemeOf(String(authorization))} realm="OAuth"`,
      }),
    },
    body: JSON.stringify(error),
  };
}

/** If the answer has a challenge, an existing one of another strategy stays. */
export function sendOAuthError(
  error: OAuthError,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { status, headers, body } = oauthAnswer(error, request.headers.authorization);
  const challenge = response.getHeader('WWW-Authenticate');
  response.removeHeader('WWW-Authenticate');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (challenge !== undefined && headers['WWW-Authenticate'] !== undefined) {
    response.setHeader('WWW-Authenticate', challenge);
  }
  response.statusCode = status;
  response.end(body);
}

export const FORM_TYPE = 'application/x-www-form-urlencoded';

function isFormPost({ method, headers }: FormRequest): boolean {
  if (method !== 'POST') return false;
  const contentType = headers['content-type'] ?? '';
  if (contentType === FORM_TYPE) return true;
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase() === FORM_TYPE;
}

function hasBody({ headers }: FormRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}

/** It may have been empty. */
const wasRead = ({ readableDidRead, readableEnded }: FormRequest): boolean =>
  readableDidRead === true || readableEnded === true;

const REMEDY =
  'mount express.urlencoded({ extended: false }) first, and nothing before it that reads the body';

function wrongReader(request: FormRequest): string {
  const { body } = request;
  if (body instanceof Uint8Array) return 'express.raw has read it as bytes';
  if (typeof body === 'string') return 'express.text has read it as a text';
  return wasRead(request) ? 'something has read it and left no req.body' : 'nothing has parsed it';
}

const unparsed = (request: FormRequest): ConfigurationError =>
  new ConfigurationError(`The request has a form, but ${wrongReader(request)}: ${REMEDY}.`);

/** Undefined unless it is a POST of a form. The error says who read an unparsed body. */
export function readForm(request: FormRequest): Readonly<Record<string, unknown>> | undefined {
  if (!isFormPost(request)) return undefined;
  const { body } = request;
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) {
    if (hasBody(request)) throw unparsed(request);
    return {};
  }
  // The parsers of Express 4 leave an empty object if they read nothing.
  if (Object.keys(body).length === 0 && hasBody(request) && !wasRead(request)) {
    throw unparsed(request);
  }
  return body as Readonly<Record<string, unknown>>;
}

/** The limit of express.urlencoded. */
const MOST_PARAMETERS = 1000;

const unreadable = (status: number) =>
  new OAuthError('invalid_request', 'The request could not be read.', status);

async function bytesOf(body: AsyncIterable<Uint8Array>, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    if (!ArrayBuffer.isView(chunk)) throw unreadable(400);
    length += chunk.byteLength;
    if (length > most) throw unreadable(413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Null if the request has none, undefined if it was already read. */
function bodyOf(request: Request | IncomingMessage): AsyncIterable<Uint8Array> | null | undefined {
  if ('bodyUsed' in request) {
    return request.bodyUsed || request.body?.locked ? undefined : request.body;
  }
  if (request.readableDidRead) return undefined;
  // The connection must stay open for the answer.
  return request.iterator({ destroyOnReturn: false });
}

/** `most` in bytes. OAuthError: 413 too long, 415 charset or compression, 400 broken off. */
export async function readWebForm(
  request: Request | IncomingMessage,
  head: FormRequest,
  most: number,
): Promise<URLSearchParams> {
  if (!isFormPost(head)) return new URLSearchParams();
  const { 'content-type': type = '', 'content-length': length } = head.headers;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1] ?? 'utf-8';
  const encoding = head.headers['content-encoding'] ?? 'identity';
  if (!/^utf-?8$/i.test(charset) || !/^identity$/i.test(encoding)) throw unreadable(415);
  if (Number(length ?? '0') > most) throw unreadable(413);
  const body = bodyOf(request);
  if (body === undefined) {
    throw new ConfigurationError(
      'The request has a form, but something has read its body: authenticate the request before anything else reads it, or give authenticate the form as URLSearchParams.',
    );
  }
  if (body === null) return new URLSearchParams();
  const bytes = await bytesOf(body, most).catch((error) => {
    throw error instanceof OAuthError ? error : unreadable(400);
  });
  // A TextDecoder drops the byte order mark.
  const text = new TextDecoder().decode(bytes);
  if (text.split('&', MOST_PARAMETERS + 1).length > MOST_PARAMETERS) throw unreadable(413);
  return new URLSearchParams(text);
}
