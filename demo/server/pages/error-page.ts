import type { ErrorRequestHandler } from 'express';
import { html } from '../../shared/html.js';
import { toOAuthError } from '../errors.js';
import { sendPage } from './page.js';

/** Shows an error to the user if there is no client to send it to. */
export function errorPages(): ErrorRequestHandler {
  return (error, _request, response, next) => {
    const known = toOAuthError(error);
    if (known === undefined || response.headersSent) {
      next(error);
      return;
    }
    sendPage(response, {
      title: 'Something went wrong',
      body: html`<p>${known.message}</p><p><code>${known.error}</code></p>`,
      status: known.status,
    });
  };
}
