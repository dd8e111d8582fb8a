import { Buffer, isUtf8 } from 'node:buffer';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { FetchError } from './fetch-error.js';
import { freshness } from './freshness.js';
import { dnsLookup, guardedLookup } from './lookup.js';
import type { FetchSettings } from './options.js';
import { checkedTarget, describeUrl } from './remote-url.js';

/** A JSON document, parsed and not yet looked at. */
export interface FetchedDocument {
  readonly value: unknown;
  /** For how many seconds it is fresh by its HTTP headers; undefined where they say nothing. */
  readonly freshFor: number | undefined;
}

const JSON_TYPE = /^application\/(?:json|[a-z0-9.!#$&^_-]+\+json)$/;

/** Makes one request; redirects are not followed. */
type Send = (url: URL, signal: AbortSignal) => Promise<IncomingMessage>;

/**
 * Every request has a connection of its own, so that its address is checked. The agents are ours,
 * so that no proxy from the environment and no setting of a global agent comes in between.
 */
function sender(settings: FetchSettings): Send {
  const httpAgent = new http.Agent({ keepAlive: false });
  const httpsAgent = new https.Agent({
    keepAlive: false,
    maxCachedSessions: 0,
    minVersion: 'TLSv1.2',
    // Explicit, since NODE_TLS_REJECT_UNAUTHORIZED would turn it off otherwise.
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
        headers: { accept: 'application/json', 'accept-encoding': 'identity' },
        signal,
      });
      request.on('response', resolve);
      request.on('error', reject);
      request.on('close', () => reject(new Error('the connection was closed')));
      request.end();
    });
}

function checkHead({ statusCode = 0, headers }: IncomingMessage, maxBytes: number): void {
  if (statusCode >= 300 && statusCode < 400) {
    throw new FetchError('redirect_refused', `it redirects (status ${statusCode})`);
  }
  if (statusCode !== 200) throw new FetchError('status_not_ok', `its status is ${statusCode}`);
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!JSON_TYPE.test(type)) {
    throw new FetchError('content_type_not_json', 'its Content-Type is not application/json');
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new FetchError('content_encoding_refused', 'it is compressed, which was not asked for');
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

const tooLarge = (maxBytes: number): FetchError =>
  new FetchError('body_too_large', `it is larger than ${maxBytes} bytes`);

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(body: Buffer): unknown {
  try {
    if (isUtf8(body)) return JSON.parse(body.toString('utf8'));
  } catch {
    // The error of JSON.parse would quote the document.
  }
  throw new FetchError('body_not_json', 'it is not JSON');
}

/** Says which URL it is about, and of Node's error its code alone. */
function described(error: unknown, url: URL, { timeout }: FetchSettings, timedOut: boolean) {
  const what = describeUrl(url);
  if (timedOut) return new FetchError('timeout', `${what}: it took longer than ${timeout} s`);
  if (error instanceof FetchError) {
    return new FetchError(error.code, `${what}: ${error.message}`);
  }
  const { code } = error as { code?: unknown };
  const detail = typeof code === 'string' ? code : (error as Error).message;
  return new FetchError('connection_failed', `${what}: ${detail}`);
}

/** Fetches a JSON document; throws a `FetchError`, whose message is safe to log. */
export type FetchJson = (target: string) => Promise<FetchedDocument>;

/**
 * Makes what fetches JSON documents from URLs that somebody else chose. The one place where the
 * server half calls out: https to public addresses, checked when the connection is made; no
 * redirects, no proxies, no compression; within a size and a time.
 */
export function guardedFetch(settings: FetchSettings): FetchJson {
  const send = sender(settings);
  return async (target) => {
    const url = checkedTarget(target, settings);
    const signal = AbortSignal.timeout(settings.timeout * 1000);
    let response: IncomingMessage | undefined;
    try {
      response = await send(url, signal);
      checkHead(response, settings.maxBytes);
      const body = await readBody(response, settings.maxBytes);
      return { value: parse(body), freshFor: freshness(response.headers) };
    } catch (error) {
      throw described(error, url, settings, signal.aborted);
    } finally {
      response?.destroy();
    }
  };
}
