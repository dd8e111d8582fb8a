import { decodeCompactJws, type JsonObject } from '../keys/compact-jws.js';
import { json, printable, style } from './output.js';

/** Without the signature, so that the output cannot be used to authenticate. */
interface ShownAssertion {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** A request of the command and its answer, safe to show. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  /** Without the assertion. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  readonly assertion?: ShownAssertion | undefined;
  /** Absent if no answer arrived. */
  readonly status?: number | undefined;
  /** The relevant members of a JSON answer, otherwise the start of its text. */
  readonly body?: unknown;
}

interface RecordedRequest {
  readonly method: string;
  readonly body?: unknown;
}

const HIDDEN = '(hidden)';
const MAXIMUM_TEXT = 1000;

function shownAssertion(parameters: URLSearchParams): ShownAssertion | undefined {
  const jws = decodeCompactJws(parameters.get('client_assertion') ?? '');
  return jws && { header: jws.header, claims: jws.claims };
}

/** The members of RFC 8414 §2 that matter for a token request. */
const METADATA = [
  'issuer',
  'token_endpoint',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'grant_types_supported',
];

/** More levels than any answer of a server needs. */
const MAXIMUM_LEVELS = 20;

/** Hides every token of an answer, wherever it is (RFC 6749 §5.1). */
function withoutTokens(value: unknown, levels = MAXIMUM_LEVELS): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => withoutTokens(item, levels - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      /token$/i.test(name) ? HIDDEN : withoutTokens(member, levels - 1),
    ]),
  );
}

/** The relevant members of metadata, and any other body as it is. */
function withoutDetails(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'issuer')) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => METADATA.includes(name)));
}

function shownText(text: string, isGranted: boolean, showTokens: boolean): string {
  if (showTokens) return text.slice(0, MAXIMUM_TEXT);
  // A form or cut-off JSON may contain tokens.
  if (isGranted) return `(${text.length} characters, and no JSON object; --show-token prints them)`;
  return text
    .replace(/(token["']?\s*[=:]\s*["']?)[^\s"'&,}]+/gi, `$1${HIDDEN}`)
    .slice(0, MAXIMUM_TEXT);
}

function parsedObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function shownBody(text: string, isGranted: boolean, showTokens: boolean): unknown {
  const body = parsedObject(text);
  if (body === undefined) return text === '' ? text : shownText(text, isGranted, showTokens);
  const shown = withoutDetails(body);
  return showTokens ? shown : withoutTokens(shown);
}

/** Contains no reusable assertion, and no token unless requested. */
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
  const isGranted = form !== undefined && response?.ok === true;
  const page = `(a page of HTML, ${text.length} characters)`;
  return {
    method,
    url,
    parameters: form && parameters,
    assertion: form && shownAssertion(form),
    status: response?.status,
    body: response && (isPage ? page : shownBody(shown, isGranted, showTokens)),
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
