const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const EDDSA = ['EdDSA', 'Ed25519'] as const;

const ML_DSA = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const;

/** RFC 7518 §3.1, RFC 8037, RFC 9864, ML-DSA. */
export const ALGORITHMS = [
  ...RSA,
  'ES256',
  'ES384',
  'ES512',
  ...EDDSA,
  ...ML_DSA,
  'HS256',
  'HS384',
  'HS512',
] as const;

/**
 * The `alg` of an assertion.
 * @useDeclaredType
 */
export type Algorithm = (typeof ALGORITHMS)[number];

export const isAlgorithm = (value: unknown): value is Algorithm =>
  (ALGORITHMS as readonly unknown[]).includes(value);

const isEdDsa = (alg: unknown): boolean => (EDDSA as readonly unknown[]).includes(alg);

/** Ed25519 has an old and a new name (RFC 9864 §2.2). */
export const isSameAlgorithm = (a: unknown, b: unknown): boolean =>
  a === b || (isEdDsa(a) && isEdDsa(b));

/** FAPI 2.0 Security Profile §5.4.1. */
export const FAPI2_ALGORITHMS: ReadonlySet<Algorithm> = new Set([
  'PS256',
  'ES256',
  ...EDDSA,
] as const);

/** The value of `client_assertion_type` (RFC 7523 §2.2). */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** RFC 10070 §4. */
export const CLIENT_AUTHENTICATION_TYP = 'client-authentication+jwt';

/** RFC 9101 §10.8. */
export const REQUEST_OBJECT_TYP = 'oauth-authz-req+jwt';

/** Lower case, without `application/` (RFC 7515 §4.1.9). */
export function plainType(type: string): string {
  const lower = type.toLowerCase();
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower;
}
