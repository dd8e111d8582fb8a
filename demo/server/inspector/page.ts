import { fileURLToPath } from 'node:url';
import {
  type ClientAssertionOptions,
  type ClientAssertionRequest,
  REASONS,
} from 'passport-private-key-jwt';
import { html, type NavigationLink, navigation } from '../../shared/html.js';

/** What the page judges assertions by, as far as that can be said without the clients. */
export interface PageServer extends Pick<ClientAssertionRequest, 'issuer' | 'tokenEndpoint'> {
  readonly rules: Pick<ClientAssertionOptions, 'audience' | 'additionalAudiences' | 'maxLifetime'>;
  /** In seconds. */
  readonly clockTolerance: number;
  /** What each reason of a refusal means. */
  readonly reasons: Readonly<Record<string, string>>;
}

export const STYLE_FILE = fileURLToPath(new URL('./style.css', import.meta.url));

/** Nothing but the page's own script and style, and requests to this server. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The page, which its script fills in. */
export function inspectorPage(
  { issuer, tokenEndpoint }: Pick<ClientAssertionRequest, 'issuer' | 'tokenEndpoint'>,
  { audience, additionalAudiences, maxLifetime, clockTolerance = 60 }: ClientAssertionOptions,
  links: readonly NavigationLink[],
): string {
  const rules = { audience, additionalAudiences, maxLifetime };
  const reasons = Object.fromEntries(
    Object.entries(REASONS).map(([reason, { description }]) => [reason, description]),
  );
  const server: PageServer = { issuer, tokenEndpoint, rules, reasons, clockTolerance };
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Inspector</title>
<link rel="stylesheet" href="inspector/style.css">
<script type="module" src="inspector/script.js"></script>
</head>
<body>
${navigation(links)}
<header>
<h1>Inspector</h1>
<p>See what a client assertion says, and whether this server, <code>${issuer}</code>, accepts it.</p>
<noscript><p>This page needs JavaScript, because the browser decodes the assertions.</p></noscript>
</header>
<main data-server="${JSON.stringify(server)}">
<section aria-labelledby="assertion-heading">
<h2 id="assertion-heading">Assertion</h2>
<label for="assertion">Paste an assertion, or the form of a request with an assertion</label>
<textarea id="assertion" rows="4" spellcheck="false" autocapitalize="off" autocomplete="off"
 aria-describedby="privacy"></textarea>
<p id="privacy" class="note">The assertion stays in this page. Only “Check the signature” sends it to
this server, which does not use it up.</p>
<details class="folded">
<summary>Check against a key of your own</summary>
<label for="key">A public key in PEM, a certificate, a JWK, or a JWK Set (the content of a <code>jwks_uri</code>)</label>
<textarea id="key" rows="4" spellcheck="false" autocapitalize="off" autocomplete="off"></textarea>
</details>
<p class="buttons">
<button type="button" id="take-last">Load the last assertion</button>
<button type="button" id="check-signature" disabled>Check the signature</button>
</p>
<p id="verdict" role="status"></p>
<p id="damage" class="note"></p>
<div id="explanation" class="sides"></div>
</section>
<section aria-labelledby="sequence-heading">
<h2 id="sequence-heading">Logins, request by request</h2>
<p class="buttons">
<label>Sequence <select id="sequence"></select></label>
<button type="button" id="reload">Reload</button>
<button type="button" id="send-again">Send the last assertion again</button>
</p>
<p id="news" role="status"></p>
<ol id="exchanges"></ol>
</section>
</main>
</body>
</html>
`.text;
}
