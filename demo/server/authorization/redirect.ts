import type { ServerResponse } from 'node:http';

/**
 * Sends the browser back to the client (RFC 6749 §4.1.2), with the issuer, so that the client knows
 * which server answers (RFC 9207). 303, so that no form is ever sent on (RFC 9700 §4.12).
 */
export function redirectToClient(
  response: ServerResponse,
  redirectUri: string,
  issuer: string,
  parameters: Readonly<Record<string, unknown>>,
): void {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries({ ...parameters, iss: issuer })) {
    if (typeof value === 'string') url.searchParams.set(name, value);
  }
  response.writeHead(303, { Location: url.href, 'Cache-Control': 'no-store' });
  response.end();
}
