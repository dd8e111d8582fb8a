import { ConfigurationError } from './errors.js';
import type { ExpressRequest } from './http.js';

const FORM = 'application/x-www-form-urlencoded';

/** Whether a request is a POST of `application/x-www-form-urlencoded`. */
function isFormPost({ method, headers }: ExpressRequest): boolean {
  if (method !== 'POST') return false;
  const contentType = headers['content-type'] ?? '';
  if (contentType === FORM) return true;
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase() === FORM;
}

/** Whether a request announces a body. */
function hasBody({ headers }: ExpressRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}

/** Whether somebody has read the body, which may have turned out to be empty. */
const wasRead = ({ readableDidRead, readableEnded }: ExpressRequest): boolean =>
  readableDidRead || readableEnded;

const REMEDY =
  'mount express.urlencoded({ extended: false }) first, and nothing before it that reads the body';

/** Who has read the body in a way that leaves no form. */
function wrongReader(request: ExpressRequest): string {
  const { body } = request;
  if (body instanceof Uint8Array) return 'express.raw has read it as bytes';
  if (typeof body === 'string') return 'express.text has read it as a text';
  return wasRead(request) ? 'something has read it and left no req.body' : 'nothing has parsed it';
}

const unparsed = (request: ExpressRequest): ConfigurationError =>
  new ConfigurationError(`The request has a form, but ${wrongReader(request)}: ${REMEDY}.`);

/**
 * The parsed form of a POST of `application/x-www-form-urlencoded`; undefined for other requests.
 *
 * @throws {ConfigurationError} if no parser has parsed the form; it says who has read the body
 */
export function readForm(request: ExpressRequest): Readonly<Record<string, unknown>> | undefined {
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
