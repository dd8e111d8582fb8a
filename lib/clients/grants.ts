/** What a client gets that nobody has looked at, unless the operator says otherwise. */
export const DEFAULT_GRANT_TYPES: readonly string[] = ['authorization_code', 'refresh_token'];

/**
 * The grants of a client that describes itself, by registration (RFC 7591) or by a metadata document:
 * those that it asks for and the operator allows. A client that asks for none asks for
 * `authorization_code` (RFC 7591 §2).
 *
 * @throws {Error} if no grant is left; the sentence is safe to log
 */
export function grantTypesOf(asked: unknown, allowed: readonly string[]): string[] {
  const wanted = asked ?? ['authorization_code'];
  if (!Array.isArray(wanted) || !wanted.every((grant) => typeof grant === 'string')) {
    throw new Error('its grant_types is not an array of strings');
  }
  const grants = wanted.filter((grant) => allowed.includes(grant));
  if (grants.length > 0) return grants;
  throw new Error(
    `it asks for no grant that clients get here which describe themselves (${allowed.join(', ')}): the option grantTypes can allow more`,
  );
}
