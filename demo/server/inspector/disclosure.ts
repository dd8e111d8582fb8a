import { createHash } from 'node:crypto';
import { isShallow } from './shallow.js';

/** A parameter, claim or member of an answer; without a value if it is hidden. */
export interface Member {
  readonly name: string;
  readonly value?: unknown;
}

/** Names with values, as a form, a query or a JSON object has them. */
export type Members = readonly (readonly [string, unknown])[];

/** What is no secret wherever it stands. All else is hidden: it may be a secret that is new here. */
const SHOWN = new Set([
  // Parameters of requests
  ...['client_id', 'response_type', 'response_mode', 'redirect_uri', 'scope', 'prompt', 'max_age'],
  ...['code_challenge', 'code_challenge_method', 'acr_values', 'resource'],
  ...['grant_type', 'client_assertion_type', 'token_type_hint', 'cancel'],
  // Claims
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  // Members of answers
  ...['error', 'error_description', 'token_type', 'expires_in', 'active'],
]);

const MAX_CHARACTERS = 300;

function shortened(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (!isShallow(value)) return '…';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}

/** What may be shown of names and their values. */
export const disclose = (members: Members): Member[] =>
  members.map(([name, value]) => (SHOWN.has(name) ? { name, value: shortened(value) } : { name }));

/** What comes in one request or answer and again in a later request. */
const HANDLES = new Set([
  ...['transaction_id', 'request_uri', 'code', 'access_token', 'refresh_token', 'token'],
  'client_assertion',
]);

/** By what requests can be told to belong together, as hashes, which give nothing away. */
export const handlesIn = (members: Members): string[] =>
  members.flatMap(([name, value]) =>
    HANDLES.has(name) && typeof value === 'string'
      ? createHash('sha256').update(value).digest('base64url')
      : [],
  );
