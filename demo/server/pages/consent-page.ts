import { type Html, html } from '../../shared/html.js';
import { CSRF_FIELD } from '../sessions/csrf.js';

/** The form in which a user allows or denies what a client asks for. */
export function consentPage(content: {
  readonly clientName: string;
  readonly userName: string;
  readonly scopes: readonly string[];
  readonly transactionId: string;
  readonly csrfToken: string;
}): Html {
  const { clientName, userName, scopes, transactionId, csrfToken } = content;
  const items = scopes.map((scope) => html`<li>${scope}</li>`);
  return html`<p>You are logged in as <strong>${userName}</strong>.</p>
<p><strong>${clientName}</strong> asks for${scopes.length > 0 ? ':' : ' access.'}</p>
<ul>${items}</ul>
<form method="post" action="consent">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<input type="hidden" name="transaction_id" value="${transactionId}">
<button type="submit">Allow</button>
<button type="submit" name="cancel" value="1">Deny</button>
</form>`;
}
