import type { IncomingMessage } from 'node:http';

/** What is read of an Express request, 4 or 5. */
export interface ExpressRequest extends IncomingMessage {
  readonly body?: unknown;
  readonly originalUrl?: string;
}

/** Express's `next`. */
export type Next = (error?: unknown) => void;

const FORM = 'application/x-www-form-urlencoded';

/** Whether a request is a POST of `application/x-www-form-urlencoded`. */
export function isFormPost(request: ExpressRequest): boolean {
  if (request.method !== 'POST') return false;
  const contentType = request.headers['content-type'] ?? '';
  const mediaType = contentType.split(';', 1)[0] ?? '';
  return contentType === FORM || mediaType.trim().toLowerCase() === FORM;
}

/** Whether a request announces a body. */
function hasBody({ headers }: ExpressRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}

/** Whether somebody has read the body, which may have turned out to be empty. */
const wasRead = ({ readableDidRead, readableEnded }: ExpressRequest): boolean =>
  readableDidRead || readableEnded;

/** The parameters that a parser found in the body of a request; undefined where none has parsed it. */
export function parsedForm(request: ExpressRequest): object | undefined {
  const { body } = request;
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) {
    return hasBody(request) ? undefined : {};
  }
  // The parsers of Express 4 leave an empty object where they read nothing.
  const isUnread = Object.keys(body).length === 0 && hasBody(request) && !wasRead(request);
  return isUnread ? undefined : body;
}
