import express, { type RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { OAuthError } from 'passport-private-key-jwt';
import { assertNotRepeated, readParameters } from '../parameters.js';

/** Parses a client's form. No OAuth request is longer than this. */
export const parseForm: RequestHandler = express.urlencoded({ extended: false, limit: '64kb' });

/** Parses a form of a browser, which anyone can send. A state may have 8 kB, which encoding triples. */
export const parseBrowserForm: RequestHandler = express.urlencoded({
  extended: false,
  limit: '32kb',
});

/** Reads the parameters of a parsed form. From here on, each has one value. */
export const readForm: RequestHandler = (request, _response, next) => {
  const read = readParameters(request.body);
  assertNotRepeated(read);
  request.body = read.parameters;
  next();
};

/** For answers that hold tokens or concern one user. */
export const neverCache: RequestHandler = (_request, response, next) => {
  response.set({ 'Cache-Control': 'no-store', Pragma: 'no-cache' });
  next();
};

/** Refuses the other methods of a path. */
export function allowOnly(...methods: readonly string[]): RequestHandler {
  const allowed = methods.join(', ');
  return (request, response, next) => {
    if (methods.includes(request.method)) {
      next();
      return;
    }
    response.set('Allow', allowed);
    throw new OAuthError('invalid_request', `The method must be one of ${allowed}.`, 405);
  };
}

/**
 * Answers a form with a redirect to the same request as GET: a browser does not send the session's
 * cookie with a form of another site.
 */
export const formToQuery: RequestHandler = (request, response, next) => {
  if (request.method !== 'POST') {
    next();
    return;
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((request.body ?? {}) as Record<string, unknown>)) {
    for (const each of [value].flat()) query.append(name, String(each));
  }
  response.redirect(303, `${request.baseUrl}${request.path}?${query}`);
};

/**
 * Refuses an address that has failed too often within a minute. It goes in front of client
 * authentication: behind it, a failed assertion would never be counted.
 */
export const limitFailures = (limit: number): RequestHandler =>
  rateLimit({
    windowMs: 60_000,
    limit,
    skipSuccessfulRequests: true,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    message: {
      error: 'temporarily_unavailable',
      error_description: 'Too many requests have failed. Try again in a minute.',
    },
  });
