import type { Request, Response } from 'express';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { disclose, handlesIn, type Member, type Members } from './disclosure.js';
import { isShallow } from './shallow.js';
import type { Trace } from './traces.js';

/** By what a request can be told to belong to others: codes, tokens and ids, or hashes of them. */
export interface Handles {
  readonly inRequest: readonly string[];
  readonly inAnswer: readonly string[];
}

/** A request and its answer, without the secrets in them. */
export interface Exchange {
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly sent: readonly Member[];
  /** The signed authorization request, decoded. */
  readonly requestObject?: RequestObject | undefined;
  /** What became of the client's assertion. */
  readonly authentication?: Trace | undefined;
  readonly status: number;
  /** Where a redirect leads, without its query. */
  readonly location?: string | undefined;
  /** The query of a redirect, or the members of a JSON document. */
  readonly answered: readonly Member[];
}

interface RequestObject {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: readonly Member[];
}

/** A request with its answer. */
export interface Answered {
  readonly request: Request;
  /** As it came, whatever the handlers have made of it. */
  readonly query: URLSearchParams;
  readonly response: Response;
  readonly body: unknown;
}

/** The parameters of a request. An access token in its header counts as one. */
function sentIn({ request, query }: Answered): Members {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return [
    ...query,
    ...Object.entries(request.body ?? {}),
    ...(bearer === undefined ? [] : [['access_token', bearer] as const]),
  ];
}

function redirectOf({ request, response }: Answered): URL | undefined {
  const { goesTo } = response.locals as { readonly goesTo?: URL };
  if (goesTo !== undefined) return goesTo;
  const location = response.getHeader('location');
  const base = `http://${request.headers.host}${request.originalUrl}`;
  return typeof location === 'string' && URL.canParse(location, base)
    ? new URL(location, base)
    : undefined;
}

function jsonOf({ response, body }: Answered): object {
  const isJson = String(response.getHeader('content-type')).startsWith('application/json');
  if (!isJson || !(typeof body === 'string' || Buffer.isBuffer(body))) return {};
  try {
    return Object(JSON.parse(body.toString()));
  } catch {
    // express-session sends the last byte apart from the others.
    return {};
  }
}

const answeredIn = (answered: Answered): Members => [
  ...(redirectOf(answered)?.searchParams ?? Object.entries(jsonOf(answered))),
];

function requestObjectIn(sent: Members): RequestObject | undefined {
  const request = sent.find(([name]) => name === 'request')?.[1];
  if (typeof request !== 'string') return undefined;
  try {
    const header = { ...decodeProtectedHeader(request) };
    const claims = disclose(Object.entries(decodeJwt(request)));
    return isShallow(header) ? { header, claims } : undefined;
  } catch {
    // It is none; the answer says so.
    return undefined;
  }
}

export const handlesOf = (answered: Answered): Handles => ({
  inRequest: handlesIn(sentIn(answered)),
  inAnswer: handlesIn(answeredIn(answered)),
});

/** What may be shown of a request and its answer. */
export async function exchangeOf(
  answered: Answered,
  trace: Promise<Trace> | undefined,
): Promise<Exchange> {
  const { request, response } = answered;
  const sent = sentIn(answered);
  const redirect = redirectOf(answered);
  return {
    time: new Date().toISOString(),
    method: request.method,
    path: request.originalUrl.split('?', 1)[0] ?? '',
    sent: disclose(sent),
    requestObject: requestObjectIn(sent),
    status: response.statusCode,
    location: redirect && `${redirect.origin}${redirect.pathname}`,
    answered: disclose(answeredIn(answered)),
    authentication: await trace,
  };
}
