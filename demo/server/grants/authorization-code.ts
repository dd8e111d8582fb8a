import { createHash } from 'node:crypto';
import type { RegisteredClient } from '../clients/registered-client.js';
import { Refusal } from '../errors.js';
import { assertResource, type Parameters, requireParameter } from '../parameters.js';
import type { TokenResponse, Tokens } from '../tokens/tokens.js';

/** RFC 7636 §4.1. */
const CODE_VERIFIER = /^[\w.~-]{43,128}$/;

const invalidGrant = (description: string, reason: string) =>
  new Refusal('invalid_grant', description, reason);

/** What is wrong with a verifier; a verifier without a challenge is a downgrade (RFC 9700 §2.1.1). */
function pkceMistake(verifier: string | undefined, challenge: string | undefined) {
  if (verifier === undefined && challenge === undefined) return undefined;
  if (verifier === undefined) return 'The code_verifier is missing.';
  if (challenge === undefined) return 'The authorization request had no code_challenge.';
  const hash = createHash('sha256').update(verifier).digest('base64url');
  if (CODE_VERIFIER.test(verifier) && hash === challenge) return undefined;
  return 'The code_verifier does not match the code_challenge.';
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
  const { code_verifier: verifier } = parameters;

  const redeemed = tokens.codes.findUsed(value);
  if (redeemed?.grant.clientId === client.clientId) {
    tokens.revokeGrant(redeemed.grant, 'code_used_again');
    throw invalidGrant('The code was used before.', 'code_used_again');
  }
  const code = tokens.codes.find(value);
  if (code === undefined) throw invalidGrant('The code is not valid.', 'code_unknown_or_expired');
  if (code.grant.clientId !== client.clientId) {
    throw invalidGrant('The code is not valid.', 'code_of_another_client');
  }
  assertResource(parameters, code.grant.resource);
  tokens.codes.use(value);
  if (code.redirectUri !== redirectUri) {
    throw invalidGrant(
      'The redirect_uri differs from the authorization request.',
      'redirect_uri_mismatch',
    );
  }
  const mistake = pkceMistake(verifier, code.codeChallenge);
  if (mistake !== undefined) throw invalidGrant(mistake, 'code_verifier_wrong');
  return tokens.issue(code.grant, {
    refreshable: client.grantTypes.includes('refresh_token'),
    nonce: code.nonce,
  });
}
