import type { AuthenticationWarning } from '../shared/events.js';
import type { Failure } from '../shared/reasons.js';
import { describeSecret } from './assert-secrets.js';
import { type Candidate, type KeyQuery, MAX_KEY_TRIES } from './candidate.js';
import type { CompactJws } from './compact-jws.js';
import { expiredKeys } from './expired-keys.js';
import { identifiersOf } from './identifiers.js';
import { expiredFailure, noKeyFailure, signatureFailure } from './key-failures.js';
import type { Secret } from './secret.js';
import { type RefusedSecret, type Selection, selectKeys } from './select-key.js';
import { verifySignature } from './signature.js';

/** The outcome of a search: the key that made the signature, or why there is none. */
export type SignerSearch = {
  readonly warnings: readonly AuthenticationWarning[];
} & (
  | { readonly signer: Candidate; readonly failure?: undefined }
  /** `signature_invalid` where keys were tried in vain. */
  | { readonly signer?: undefined; readonly failure: Failure }
);

/** A search, and what it chose from. */
export type Search = SignerSearch & { readonly query: KeyQuery; readonly selection: Selection };

const NO_WARNINGS: readonly AuthenticationWarning[] = [];

const warningOf = ({ secret, message }: RefusedSecret): AuthenticationWarning => ({
  code: 'secret_refused',
  secret: describeSecret(secret),
  message,
});

/**
 * Looks for the key of a signature among those that are at hand.
 *
 * @param last whether no others will be looked for, so that it is time to ask what has expired
 */
export async function tryKeys(
  jws: CompactJws,
  secrets: readonly Secret[],
  now: number,
  { keys, certificateValidity }: Pick<KeyQuery, 'keys' | 'certificateValidity'>,
  last: boolean,
): Promise<Search> {
  const wanted = identifiersOf(jws.header);
  const query = { secrets, wanted, now, keys, certificateValidity };
  const selection = selectKeys(query);
  const { candidates, refused } = selection;
  const warnings = refused.length === 0 ? NO_WARNINGS : refused.map(warningOf);
  for (const signer of candidates) {
    const verified = verifySignature(jws, signer.key);
    if (verified instanceof Promise ? await verified : verified) {
      return { signer, warnings, query, selection };
    }
  }
  const failure =
    candidates.length === 0 ? noKeyFailure(query, selection) : signatureFailure(query, selection);
  const found = { failure, warnings, query, selection };
  return last ? withExpired(jws, found) : found;
}

/** Whether a key was tried that has the `kid` of the header. */
export const triedNamedKey = ({ query, selection }: Search): boolean =>
  query.wanted.kid !== undefined &&
  selection.candidates.some(({ key }) => key.kid === query.wanted.kid);

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
export async function withExpired(jws: CompactJws, found: Search): Promise<Search> {
  if (found.failure?.reason !== 'signature_invalid') return found;
  const expired = await expiredSigner(jws, found);
  return expired === undefined
    ? found
    : { ...found, signer: undefined, failure: expiredFailure(found.query, expired) };
}
