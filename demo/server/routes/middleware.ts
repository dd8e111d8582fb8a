import express, { type RequestHandler } from 'express';
import { OAuthError } from 'passport-private-key-jwt';
import { assertNotRepeated, readParameters } from '../parameters.js';

/** Parses a client's form. No OAuth request is longer than this. */
export const parseForm: RequestHandler = express.urlencoded({ extended: false, limit: '64kb' });

/** Parses a form of a browser, which anybody may send. */
export const parseBrowserForm: RequestHandler = express.urlencoded({
  extended: false,
  limit: '8kb',
});

/** Reads the parameters of a parsed form, each of which has one value from here on. */
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
