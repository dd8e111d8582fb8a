import type { Response } from 'express';
import { type Html, htmlDocument, type NavigationLink, STYLE_SOURCE } from '../../shared/html.js';

declare global {
  namespace Express {
    interface Locals {
      /** The other pages of the demo. */
      links?: readonly NavigationLink[];
    }
  }
}

/**
 * Sends a page.
 *
 * @param options.formAction where the form of the page may lead, redirects after it included. Default:
 *   this server
 * @param options.refresh an address that the page goes on to by itself
 */
export function sendPage(
  response: Response,
  options: {
    readonly title: string;
    readonly body: Html;
    readonly status?: number;
    readonly formAction?: readonly string[];
    readonly refresh?: string;
    readonly script?: { readonly text: string; readonly source: string };
  },
): void {
  const { title, body, status = 200, formAction = ["'self'"], refresh, script } = options;
  response.status(status).set({
    'Content-Security-Policy': [
      "default-src 'none'",
      `style-src ${STYLE_SOURCE}`,
      ...(script === undefined ? [] : [`script-src ${script.source}`]),
      "base-uri 'none'",
      "frame-ancestors 'none'",
      `form-action ${formAction.join(' ')}`,
    ].join('; '),
    'Cache-Control': 'no-store',
  });
  const { links = [] } = response.locals;
  // A page that goes on by itself has nothing else to offer.
  const isEnd = refresh === undefined && script === undefined;
  response
    .type('html')
    .send(htmlDocument({ title, body, links: isEnd ? links : [], refresh, script: script?.text }));
}
