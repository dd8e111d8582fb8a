import { Buffer, isUtf8 } from 'node:buffer';
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { safeText } from '../shared/safe.js';
import { FetchError } from './fetch-error.js';
import { checkHost, dnsLookup, guardedLookup } from './lookup.js';
import type { FetchFunction, FetchSettings } from './options.js';
import { checkedTarget, describeUrl } from './remote-url.js';

const directive = (cacheControl: string, name: string): string | undefined =>
  cacheControl
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .find((part) => part === name || part.startsWith(`${name}=`));

/** RFC 9111 §1.2.2: larger numbers count as this one. */
const MAX_SECONDS = 2 ** 31;

const secondsIn = (text: string | undefined): number | undefined => {
  const digits = /^(?:[a-z-]+=)?"?(\d+)"?$/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Math.min(Number(digits), MAX_SECONDS);
};

/** In seconds (RFC 9111 §4.2); 0 for `no-store`. Undefined if the headers do not say. */
export function freshness(headers: IncomingHttpHeaders): number | undefined {
  const cacheControl = headers['cache-control'] ?? '';
  if (directive(cacheControl, 'no-store') ?? directive(cacheControl, 'no-cache')) return 0;
  const maxAge = secondsIn(directive(cacheControl, 'max-age'));
  if (maxAge !== undefined) return Math.max(0, maxAge - (secondsIn(headers.age) ?? 0));

  const { expires } = headers;
  if (expires === undefined) return undefined;
  const date = headers.date === undefined ? Date.now() : Date.parse(headers.date);
  const seconds = (Date.parse(expires) - date) / 1000;
  // An unreadable Expires, such as 0, means expired (RFC 9111 §5.3).
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}

export interface FetchedDocument {
  readonly value: unknown;
  /** In seconds. */
  readonly freshFor: number | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  discard(): void;
}

type Send = (url: URL, signal: AbortSignal) => Promise<Answer>;

const requestHeaders = (accept: string) => ({ accept, 'accept-encoding': 'identity' });

/** Answers with status 1xx. A flood of them would occupy the process until the timeout. */
const MAX_INTERIM = 100;

const tooManyInterim = (): FetchError =>
  new FetchError('connection_failed', `it sends more than ${MAX_INTERIM} answers with status 1xx`);

/** New connections: the address is checked. Own agents: no proxy of the environment interferes. */
function nodeSender(settings: FetchSettings, accept: string): Send {
  const httpAgent = new http.Agent({ keepAlive: false });
  const httpsAgent = new https.Agent({
    keepAlive: false,
    maxCachedSessions: 0,
    minVersion: 'TLSv1.2',
    // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED would otherwise disable it.
    rejectUnauthorized: true,
    secureContext: settings.ca,
  });
  const lookup = settings.lookup ?? dnsLookup();
  return (url, signal) =>
    new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const request = (secure ? https : http).request(url, {
        agent: secure ? httpsAgent : httpAgent,
        lookup: guardedLookup(url, settings, lookup),
        headers: requestHeaders(accept),
        signal,
      });
      request.on('response', (response: IncomingMessage) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: response,
          discard: () => response.destroy(),
        }),
      );
      let interim = 0;
      request.on('information', () => {
        interim += 1;
        if (interim <= MAX_INTERIM) return;
        reject(tooManyInterim());
        request.destroy();
      });
      request.on('error', reject);
      request.on('close', () => reject(new Error('the connection was closed')));
      request.end();
    });
}

const USED_HEADERS = [
  'age',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expires',
  'location',
];

const NO_BODY: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} };

/** Releases the connection of an unread body. */
function endBody(body: object | null): void {
  const { cancel, destroy } = (body ?? {}) as { cancel?: () => unknown; destroy?: () => unknown };
  // A stream that is being read cannot be cancelled; the loop that reads it releases it.
  if (cancel !== undefined) Promise.resolve(cancel.call(body)).catch(() => undefined);
  else destroy?.call(body);
}

function userSender(fetch: FetchFunction, accept: string): Send {
  return async (url, signal) => {
    const init = { headers: requestHeaders(accept), redirect: 'manual', signal } as const;
    const response = await fetch(url.href, init);
    const { status, body } = response;
    if (response.redirected === true || signal.aborted) {
      endBody(body);
      throw redirected(status, undefined);
    }
    const named = USED_HEADERS.map((name) => [name, response.headers.get(name) ?? undefined]);
    const answer: Answer = {
      status,
      headers: Object.fromEntries(named) as IncomingHttpHeaders,
      body: (body as AsyncIterable<Uint8Array> | null) ?? NO_BODY,
      discard: () => endBody(body),
    };
    return answer;
  };
}

const redirected = (status: number, location: string | undefined): FetchError => {
  const to = location === undefined ? '' : ` to ${safeText(location.split(/[?#]/, 1)[0])}`;
  return new FetchError(
    'redirect_refused',
    `it redirects${to} (status ${status}), and redirects are not followed: use the final URL`,
    status,
  );
};

const JSON_TYPE = /^application\/(?:json|[a-z0-9.!#$&^_-]+\+json)$/;

function checkHead({ status, headers }: Answer, maxBytes: number): void {
  if (status >= 300 && status < 400) throw redirected(status, headers.location);
  if (status !== 200) {
    throw new FetchError('status_not_ok', `its status is ${status}, not 200`, status);
  }
  const type = headers['content-type'];
  if (!JSON_TYPE.test((type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '')) {
    const came = type === undefined ? 'missing' : safeText(type);
    throw new FetchError(
      'content_type_not_json',
      `its Content-Type is ${came}, not application/json or a type that ends in +json`,
    );
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new FetchError(
      'content_encoding_refused',
      `it is compressed (${safeText(encoding)}) although the request did not allow that`,
    );
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

const tooLarge = (maxBytes: number): FetchError =>
  new FetchError('body_too_large', `it is larger than maxBytes (${maxBytes})`);

async function readBody(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    signal.throwIfAborted();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function whyNotJson(body: Buffer): string {
  if (body.length === 0) return 'it is empty';
  const [first, second] = body;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) return 'it is UTF-16, and JSON is UTF-8 (RFC 8259 §8.1)';
  return body.toString('latin1').trimStart().startsWith('<')
    ? 'it is not JSON: it looks like HTML or XML'
    : 'it is not JSON';
}

const BYTE_ORDER_MARK = '\ufeff';

function parse(body: Buffer): unknown {
  try {
    // RFC 8259 §8.1 lets a reader ignore a byte order mark.
    const text = isUtf8(body) ? body.toString('utf8') : '';
    return JSON.parse(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
  } catch {
    // The error of JSON.parse would quote the document.
    throw new FetchError('body_not_json', whyNotJson(body));
  }
}

const UNTRUSTED = /^(?:UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED)/;

/** Names the URL, and only the code of Node's error. */
function described(error: unknown, url: URL, settings: FetchSettings, timedOut: boolean) {
  const what = describeUrl(url);
  if (timedOut) {
    return new FetchError(
      'timeout',
      `${what}: it took longer than timeout (${settings.timeout} s)`,
    );
  }
  if (error instanceof FetchError) {
    return new FetchError(error.code, `${what}: ${error.message}`, error.answered);
  }
  // The user's own fetch may throw anything.
  const { code, cause, message } = Object(error) as {
    code?: unknown;
    cause?: { code?: unknown } | null;
    message?: unknown;
  };
  const known = [code, cause?.code].find((each) => typeof each === 'string');
  const detail = safeText(known ?? message) ?? 'failed';
  const hint = UNTRUSTED.test(detail) ? ': the option ca can trust its authority' : '';
  return new FetchError('connection_failed', `${what}: ${detail}${hint}`);
}

/** Even if the promise ignores the signal. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Throws a `FetchError`, whose message is safe to log. */
export type FetchJson = (target: string) => Promise<FetchedDocument>;

/**
 * All outgoing calls of the server half: https to public addresses, checked at connection time; no
 * redirects, proxies or compression. The user's own `fetch` must check addresses itself.
 */
export function guardedFetch(settings: FetchSettings, accept: string): FetchJson {
  const { fetch, maxBytes } = settings;
  const send = fetch === undefined ? nodeSender(settings, accept) : userSender(fetch, accept);
  return async (target) => {
    const url = checkedTarget(target, settings);
    const signal = AbortSignal.timeout(settings.timeout * 1000);
    let answer: Answer | undefined;
    const read = async () => {
      checkHost(url, settings);
      answer = await send(url, signal);
      checkHead(answer, maxBytes);
      const body = await readBody(answer.body, maxBytes, signal);
      return { value: parse(body), freshFor: freshness(answer.headers) };
    };
    try {
      return await untilAborted(read(), signal);
    } catch (error) {
      throw described(error, url, settings, signal.aborted);
    } finally {
      answer?.discard();
    }
  };
}
