const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const EDDSA = ['EdDSA', 'Ed25519'] as const;

/** The signature algorithms of RFC 7518 §3.1, RFC 8037 and RFC 9864 that are understood here. */
export const ALGORITHMS = [
  ...RSA,
  'ES256',
  'ES384',
  'ES512',
  ...EDDSA,
  'HS256',
  'HS384',
  'HS512',
] as const;

/**
 * The `alg` of an assertion.
 *
 * @useDeclaredType
 */
export type Algorithm = (typeof ALGORITHMS)[number];

/** Tells whether a string is an algorithm that is understood here. */
export const isAlgorithm = (value: unknown): value is Algorithm =>
  (ALGORITHMS as readonly unknown[]).includes(value);

const isEdDsa = (alg: unknown): boolean => (EDDSA as readonly unknown[]).includes(alg);

/** Whether two names stand for one algorithm: Ed25519 has two, an old and a new (RFC 9864 §2.2). */
export const isSameAlgorithm = (a: unknown, b: unknown): boolean =>
  a === b || (isEdDsa(a) && isEdDsa(b));
