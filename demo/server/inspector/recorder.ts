import type { RequestHandler } from 'express';
import type { Answered } from './exchange.js';

/** Hands each request on with its answer, just before the answer is sent. */
export const recorder =
  (record: (answered: Answered) => void): RequestHandler =>
  (request, response, next) => {
    const query = new URLSearchParams(request.originalUrl.replace(/^[^?]*/, ''));
    const end: (...rest: never[]) => typeof response = response.end.bind(response);
    response.end = (...rest: unknown[]) => {
      record({ request, query, response, body: rest[0] });
      return end(...(rest as never[]));
    };
    next();
  };
