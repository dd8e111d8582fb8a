import { type Html, html } from '../../shared/html.js';
import { CSRF_FIELD } from '../sessions/csrf.js';

/** The form in which a user allows or denies what a client asks for. */
export function consentPage(content: {
  readonly clientName: string;
  /** The host that has published the client's metadata; undefined for a registered client. */
  readonly clientHost: string | undefined;
  /** Whether every redirect URI is on the user's machine, where any program may listen. */
  readonly isLocal: boolean;
  readonly userName: string;
  readonly scopes: readonly string[];
  readonly transactionId: string;
  readonly csrfToken: string;
}): Html {
  const { clientName, clientHost, isLocal, userName, scopes, transactionId, csrfToken } = content;
  const items = scopes.map((scope) => html`<li>${scope}</li>`);
  return html`<p>You are logged in as <strong>${userName}</strong>.</p>
<p><strong>${clientName}</strong>${clientHost === undefined ? '' : ` (${clientHost})`} asks for${scopes.length > 0 ? ':' : ' access.'}</p>
<ul>${items}</ul>
${isLocal ? html`<p><strong>Allow this only if you have just started the program yourself.</strong></p>` : ''}
<form method="post" action="consent">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<input type="hidden" name="transaction_id" value="${transactionId}">
<button type="submit">Allow</button>
<button type="submit" name="cancel" value="1">Deny</button>
</form>`;
}
