import type { AuthenticationWarning } from '../diagnostics.js';
import type { Failure } from '../reasons.js';
import { describeSecret } from '../secrets/assert-secrets.js';
import { type Candidate, type KeyQuery, MAX_KEY_TRIES } from '../secrets/candidate.js';
import { expiredKeys } from '../secrets/expired-keys.js';
import { identifiersOf } from '../secrets/identifiers.js';
import { expiredFailure, noKeyFailure, signatureFailure } from '../secrets/key-failures.js';
import type { Secret } from '../secrets/secret.js';
import { type Selection, selectKeys } from '../secrets/select-key.js';
import type { CompactJws } from './compact-jws.js';
import { verifySignature } from './signature.js';

/** The outcome of a search: the key that made the signature, or why there is none. */
export type SignerSearch = {
  readonly warnings: readonly AuthenticationWarning[];
  /** Whether a key was tried that has the `kid` of the header. */
  readonly triedNamedKey: boolean;
} & (
  | { readonly signer: Candidate; readonly failure?: undefined }
  /** `signature_invalid` where keys were tried in vain. */
  | { readonly signer?: undefined; readonly failure: Failure }
);

/** A search, and what it chose from. */
export type Search = SignerSearch & { readonly query: KeyQuery; readonly selection: Selection };

/** Looks for the key of a signature among those that are at hand. */
export async function tryKeys(
  jws: CompactJws,
  secrets: readonly Secret[],
  now: number,
  { keys, certificateValidity }: Pick<KeyQuery, 'keys' | 'certificateValidity'>,
): Promise<Search> {
  const wanted = identifiersOf(jws.header);
  const query = { secrets, wanted, now, keys, certificateValidity };
  const selection = selectKeys(query);
  const { candidates } = selection;
  const warnings = selection.refused.map(({ secret, message }) => ({
    code: 'secret_refused' as const,
    secret: describeSecret(secret),
    message,
  }));
  const { kid } = wanted;
  const triedNamedKey = kid !== undefined && candidates.some(({ key }) => key.kid === kid);
  const found = { query, selection, warnings, triedNamedKey };
  for (const signer of candidates) {
    if (await verifySignature(jws, signer.key)) return { ...found, signer };
  }
  const failure =
    candidates.length === 0 ? noKeyFailure(query, selection) : signatureFailure(query, selection);
  return { ...found, failure };
}

/** The key that made the signature after its time; as many are tried as others were not. */
async function expiredSigner(jws: CompactJws, { query, selection }: Search) {
  let tries = MAX_KEY_TRIES - selection.candidates.length;
  if (tries === 0) return undefined;
  for (const expired of expiredKeys(query, selection)) {
    if (expired.key === undefined) continue;
    if (await verifySignature(jws, expired.key)) return expired;
    tries -= 1;
    if (tries === 0) return undefined;
  }
  return undefined;
}

/** Says of a signature that no usable key made whether one did that has expired. */
export async function withExpired(jws: CompactJws, found: Search): Promise<SignerSearch> {
  if (found.failure?.reason !== 'signature_invalid') return found;
  const expired = await expiredSigner(jws, found);
  return expired === undefined
    ? found
    : { ...found, signer: undefined, failure: expiredFailure(found.query, expired) };
}
