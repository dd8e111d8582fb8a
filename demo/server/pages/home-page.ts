import type { Response } from 'express';
import { html } from '../../shared/html.js';
import { sendPage } from './page.js';

/** What somebody sees who opens the server's address. */
export function homePage(response: Response, issuer: string): void {
  const { links = [] } = response.locals;
  const others = links
    .slice(1)
    .map(({ name, href = '' }) => html`<li><a href="${href}">${name}</a></li>\n`);
  const metadata = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  sendPage(response, {
    title: 'Authorization server',
    body: html`<p>This is the authorization server of the demo, <code>${issuer}</code>. Applications send their
users here to log in, and get their tokens here.</p>
<ul>
${others}<li><a href="${metadata}">The server’s metadata</a>, which applications read</li>
</ul>`,
  });
}
