import type { AuthorizationParams } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import type { OAuthClientInformationFull } from '@modelcontextprotocol/sdk/shared/auth.js';

/** Whatever is more than plain letters becomes a character reference. */
const escapeHtml = (text: string): string =>
  text.replace(/[^\w ,.-]/gu, (character) => `&#${character.codePointAt(0)};`);

/**
 * Who asks, as far as somebody has proved it: the host of a client_id that is a URL. A name is
 * whatever the client calls itself.
 */
const provenName = ({ client_id }: OAuthClientInformationFull): string =>
  URL.canParse(client_id) ? new URL(client_id).host : client_id;

/** The page that asks the user, who in this sample is whoever sits at the browser. */
export function consentPage(
  client: OAuthClientInformationFull,
  { scopes, redirectUri }: AuthorizationParams,
  ticket: string,
): string {
  const name = escapeHtml(client.client_name ?? 'A client without a name');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Allow access?</title>
<h1>Allow access?</h1>
<p>${name} (<strong>${escapeHtml(provenName(client))}</strong>) wants to use the tools of this server.
<p>Scopes: ${escapeHtml(scopes?.join(', ') || 'none')}
<p>You will be sent to ${escapeHtml(new URL(redirectUri).host)}.
<form method="post" action="consent">
<input type="hidden" name="ticket" value="${escapeHtml(ticket)}">
<button name="answer" value="allow">Allow</button>
<button name="answer" value="deny">Deny</button>
</form>
</html>
`;
}
