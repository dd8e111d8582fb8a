import { decodeCompactJws, type JsonObject } from '../keys/compact-jws.js';
import { json, printable, style } from './output.js';

/** The assertion as it is shown: without its signature, so that nobody can use it again. */
export interface ShownAssertion {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** A request and its answer, as they may be shown. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  /** The parameters of the form, without the assertion. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  readonly assertion?: ShownAssertion | undefined;
  /** Absent where no answer came. */
  readonly status?: number | undefined;
  /** The answer: JSON, of which only what matters here, or else the start of its text. */
  readonly body?: unknown;
}

/** What of an HTTP request is recorded. */
export interface RecordedRequest {
  readonly method: string;
  readonly body?: unknown;
}

const HIDDEN = '(hidden)';
const MAXIMUM_TEXT = 1000;

function shownAssertion(parameters: URLSearchParams): ShownAssertion | undefined {
  const jws = decodeCompactJws(parameters.get('client_assertion') ?? '');
  return jws && { header: jws.header, claims: jws.claims };
}

/** What of a server's metadata (RFC 8414 §2) matters for a token. */
const METADATA = [
  'issuer',
  'token_endpoint',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'grant_types_supported',
];

/** Shortens metadata, and hides every token of a token response (RFC 6749 §5.1). */
function shownBody(body: unknown, showTokens: boolean): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const isMetadata = Object.hasOwn(body, 'issuer');
  return Object.fromEntries(
    Object.entries(body)
      .filter(([name]) => !isMetadata || METADATA.includes(name))
      .map(([name, value]) => [name, name.endsWith('_token') && !showTokens ? HIDDEN : value]),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, MAXIMUM_TEXT);
  }
}

/**
 * What may be shown of a request and its answer: no assertion that could be used again, and no
 * token unless asked for.
 *
 * @param showTokens whether the tokens of the answer are shown
 */
export async function exchangeOf(
  url: string,
  { method, body }: RecordedRequest,
  response: Response | undefined,
  showTokens: boolean,
): Promise<Exchange> {
  const form =
    typeof body === 'string' || body instanceof URLSearchParams
      ? new URLSearchParams(body)
      : undefined;
  const { client_assertion, ...parameters } = Object.fromEntries(form ?? []);
  const text = (await response?.clone().text()) ?? '';
  const isPage = response?.headers.get('content-type')?.includes('html') === true;
  const shown = client_assertion === undefined ? text : text.replaceAll(client_assertion, HIDDEN);
  const answer = isPage ? `(a page of HTML, ${text.length} characters)` : parse(shown);
  return {
    method,
    url,
    parameters: form && parameters,
    assertion: form && shownAssertion(form),
    status: response?.status,
    body: response && shownBody(answer, showTokens),
  };
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

const block = (value: unknown): string[] => indented(json(value, 2).split('\n'));

function statusLine(status: number | undefined): string {
  if (status === undefined) return style('red', 'no answer');
  return style(status < 400 ? 'green' : 'red', String(status));
}

function bodyLines(body: unknown): string[] {
  if (body === undefined) return [];
  return typeof body === 'string' ? indented(body.split('\n').map(printable)) : block(body);
}

/** An exchange for people. */
export function exchangeLines(exchange: Exchange): string[] {
  const { method, url, parameters, assertion, status, body } = exchange;
  return [
    style('bold', `${method} ${printable(url)}`),
    ...indented(
      Object.entries(parameters ?? {}).map(([name, value]) => printable(`${name}=${value}`)),
    ),
    ...(assertion === undefined ? [] : ['  client_assertion=(signed)', ...block(assertion)]),
    statusLine(status),
    ...bodyLines(body),
    '',
  ];
}
