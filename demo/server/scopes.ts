import { OAuthError } from 'passport-private-key-jwt';

/** The scopes in a `scope` parameter (RFC 6749 §3.3); undefined if there is none. */
export function parseScope(scope: string | undefined): readonly string[] | undefined {
  if (scope === undefined) return undefined;
  return [...new Set(scope.split(' ').filter((name) => name !== ''))];
}

/** @throws {OAuthError} `invalid_scope` if a scope is not among those that are allowed */
export function assertScopes(scopes: readonly string[], allowed: ReadonlySet<string>): void {
  if (scopes.every((scope) => allowed.has(scope))) return;
  throw new OAuthError('invalid_scope', 'The client may not ask for this scope.');
}
