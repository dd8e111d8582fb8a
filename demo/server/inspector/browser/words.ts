import type { Explanation } from 'passport-private-key-jwt/explain';
import type { PageServer } from '../page.js';
import { describeReason } from './page-server.js';
import { json, printable } from './printable.js';

type Check = Explanation['checks'][number];

/** What each check asks. */
const QUESTIONS: Readonly<Record<string, string>> = {
  request: 'Does the request carry one assertion, and nothing else that authenticates?',
  encoding: 'Is it three parts of base64url, with JSON in the first two?',
  alg: 'Is it signed with an algorithm that this server takes?',
  crit: 'Does its header demand nothing that this server does not know?',
  b64: 'Is its payload encoded as usual?',
  'key identifiers': 'Are the names of its key texts?',
  typ: 'Is it a client assertion, and no other kind of JWT?',
  iss: 'Does it say which client made it?',
  sub: 'Does it speak for the same client?',
  aud: 'Was it made for this server?',
  exp: 'Is it still valid?',
  nbf: 'Is it valid already?',
  iat: 'Was it made in the past?',
  jti: 'Does it have a number of its own?',
  lifetime: 'Is it valid for a short time only?',
  'client_id parameter': 'Does the request name the same client?',
  client: 'Is the client known here?',
  key: 'Does the client have a key that fits?',
  signature: 'Was it signed with that key, and not changed since?',
  replay: 'Is it used for the first time?',
};

export const questionOf = ({ check }: Check): string => QUESTIONS[check] ?? '';

/** What the members of an assertion mean. */
export const MEANINGS: Readonly<Record<string, string>> = {
  alg: 'how it is signed',
  kid: 'which key signed it',
  iss: 'the client that made it',
  sub: 'the client it speaks for',
  aud: 'the server it is for',
  exp: 'valid until',
  nbf: 'valid from',
  iat: 'made at',
  jti: 'its number, used once',
};

/** A value that a check compared, in words: a list without what is absent. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return printable(value);
  if (!Array.isArray(value)) return value === undefined ? 'nothing' : json(value);
  const present = value.filter((item) => item !== null && item !== undefined).map(inWords);
  return present.length === 0 ? 'nothing' : present.join(', ');
}

const ago = (seconds: number): string =>
  Math.abs(seconds) < 120
    ? `${Math.round(Math.abs(seconds))} seconds`
    : `${Math.round(Math.abs(seconds) / 60)} minutes`;

/** Why a check failed, in words. */
function why({ reason, actual, expected }: Check, claims: object, server: PageServer): string {
  const { exp } = claims as { exp?: unknown };
  const now = Date.now() / 1000;
  if (reason === 'audience_mismatch') {
    return `made for ${inWords(actual)}, this server is ${server.issuer}`;
  }
  if (reason === 'expired' && typeof exp === 'number') {
    return `expired ${ago(now - exp)} ago, and clocks may differ by ${server.clockTolerance} seconds`;
  }
  const description = describeReason(reason ?? '').replace(/\.$/, '');
  const words = `${description.charAt(0).toLowerCase()}${description.slice(1)}`;
  if (actual === undefined || expected === undefined) return words;
  return `${words} (found ${inWords(actual)}, expected ${inWords(expected)})`;
}

/** What came of the checks. */
export interface Verdict {
  readonly outcome: 'passed' | 'failed' | 'undecided';
  readonly text: string;
}

/** The answer in words, and below it the stable codes of what failed. */
export function verdictOf({ accepted, claims, checks }: Explanation, server: PageServer): Verdict {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  const [first] = failed;
  if (first !== undefined) {
    const codes = failed.flatMap(({ reason }) => reason ?? []).join(', ');
    return {
      outcome: 'failed',
      text: `✗ Refused: ${why(first, claims ?? {}, server)}.\nReasons: ${codes}.`,
    };
  }
  return accepted
    ? { outcome: 'passed', text: '✓ Accepted: every check passed, and it was not used before.' }
    : {
        outcome: 'undecided',
        text: 'Nothing is wrong so far. The client, its keys and the signature are not checked yet.',
      };
}
