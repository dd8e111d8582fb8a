import { createHash } from 'node:crypto';
import { OAuthError } from 'passport-private-key-jwt';
import type { RegisteredClient } from '../clients/registered-client.js';
import { type Parameters, requireParameter } from '../parameters.js';
import type { TokenResponse, Tokens } from '../tokens/tokens.js';

/** RFC 7636 §4.1. */
const CODE_VERIFIER = /^[\w.~-]{43,128}$/;

const invalidGrant = (description: string) => new OAuthError('invalid_grant', description);

function verifiesChallenge(verifier: string, challenge: string): boolean {
  if (!CODE_VERIFIER.test(verifier)) return false;
  return createHash('sha256').update(verifier).digest('base64url') === challenge;
}

/**
 * Redeems an authorization code (RFC 6749 §4.1.3) with its PKCE verifier (RFC 7636 §4.6). An attempt
 * of its own client uses it up; a code that comes again ends its grant (RFC 6749 §4.1.2).
 */
export async function grantAuthorizationCode(
  tokens: Tokens,
  client: RegisteredClient,
  parameters: Parameters,
): Promise<TokenResponse> {
  const value = requireParameter(parameters, 'code');
  const redirectUri = requireParameter(parameters, 'redirect_uri');
  const verifier = requireParameter(parameters, 'code_verifier');

  const redeemed = tokens.codes.findUsed(value);
  if (redeemed?.grant.clientId === client.clientId) {
    tokens.revokeGrant(redeemed.grant);
    throw invalidGrant('The code was used before.');
  }
  const code = tokens.codes.find(value);
  if (code === undefined || code.grant.clientId !== client.clientId) {
    throw invalidGrant('The code is not valid.');
  }
  tokens.codes.use(value);
  if (code.redirectUri !== redirectUri) throw invalidGrant('The redirect_uri is another one.');
  if (!verifiesChallenge(verifier, code.codeChallenge)) {
    throw invalidGrant('The code_verifier does not fit the code_challenge.');
  }
  return tokens.issue(code.grant, {
    refreshable: client.grantTypes.includes('refresh_token'),
    nonce: code.nonce,
  });
}
