import { KeyError } from '../../keys/algorithms.js';
import type { JsonWebKey } from '../../keys/secret.js';
import type { Algorithm } from '../../shared/algorithms.js';
import type { CertificateHeader } from './certificate.js';
import type { WrittenHeader } from './compact-jws.js';
import { jwkThumbprint } from './thumbprint.js';

/** What a signing key consists of, whatever it was made of. */
export interface KeyParts {
  readonly alg: Algorithm;
  /** The `kid` of the header; undefined for none. */
  readonly kid: string | undefined;
  /** The public half; undefined where it is not known, and for symmetric keys. */
  readonly publicJwk: JsonWebKey | undefined;
  readonly certificate: CertificateHeader | undefined;
  /** Makes a compact JWS. */
  readonly sign: (header: WrittenHeader, claims: object) => Promise<string>;
}

/**
 * The `kid` of a key: the one that is wanted, its own, or the thumbprint of its public half.
 *
 * @param wanted false for none
 * @throws {KeyError}
 */
export function chooseKid(
  wanted: unknown,
  own: string | undefined,
  publicJwk: JsonWebKey | undefined,
): string | undefined {
  if (wanted === false) return undefined;
  if (wanted === '') throw new KeyError('kid is empty: use kid: false to send none');
  if (wanted !== undefined && typeof wanted !== 'string') {
    throw new KeyError('kid must be text, or false for none');
  }
  return wanted ?? own ?? (publicJwk && jwkThumbprint(publicJwk));
}
