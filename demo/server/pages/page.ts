import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { type Html, htmlDocument } from '../../shared/html.js';

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 30rem; margin: 10vh auto; padding: 0 1rem; }
label { display: block; }
input, button { font: inherit; padding: 0.4rem 0.8rem; margin: 0.5rem 0.5rem 0.5rem 0; }
.note { border-left: 0.25rem solid; padding-left: 0.75rem; }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** What a redirect after a form may lead to, in the words of a Content-Security-Policy. */
function formTarget(redirectUri: string): string {
  const { origin, protocol } = new URL(redirectUri);
  return origin === 'null' ? protocol : origin;
}

/**
 * Sends a page.
 *
 * @param options.redirectUri where the form of the page may lead: browsers hold redirects after a
 *   form to `form-action` too
 */
export function sendPage(
  response: Response,
  options: {
    readonly title: string;
    readonly body: Html;
    readonly status?: number;
    readonly redirectUri?: string;
  },
): void {
  const { title, body, status = 200, redirectUri } = options;
  const formAction = redirectUri === undefined ? "'none'" : `'self' ${formTarget(redirectUri)}`;
  response.status(status).set({
    'Content-Security-Policy': [
      "default-src 'none'",
      `style-src 'sha256-${STYLE_HASH}'`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
      `form-action ${formAction}`,
    ].join('; '),
    'Cache-Control': 'no-store',
  });
  response.type('html').send(htmlDocument(title, STYLE, body));
}
