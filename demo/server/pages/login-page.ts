import { type Html, html } from '../../shared/html.js';
import { CSRF_FIELD } from '../sessions/csrf.js';
import { USER_NAMES } from '../users.js';

/** The form that a user logs in with. */
export function loginPage(content: {
  readonly clientName: string;
  readonly transactionId: string;
  readonly csrfToken: string;
  readonly isWrong: boolean;
}): Html {
  const { clientName, transactionId, csrfToken, isWrong } = content;
  const options = USER_NAMES.map((name) => html`<option value="${name}"></option>`);
  return html`<p>to continue to <strong>${clientName}</strong></p>
<p class="note">This is a demo: there are no passwords. The users are ${USER_NAMES.join(' and ')}.</p>
${isWrong ? html`<p role="alert">There is no such user.</p>` : ''}
<form method="post" action="login">
<input type="hidden" name="${CSRF_FIELD}" value="${csrfToken}">
<input type="hidden" name="transaction_id" value="${transactionId}">
<label>User name
<input type="text" name="username" value="${USER_NAMES[0] ?? ''}" list="users" autocomplete="username" required autofocus></label>
<datalist id="users">${options}</datalist>
<button type="submit">Log in</button>
</form>`;
}
