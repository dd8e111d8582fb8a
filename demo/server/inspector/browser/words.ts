import type { Explanation } from 'passport-private-key-jwt/explain';
import type { PageServer } from '../page.js';
import { describeReason } from './page-server.js';
import { json, printable } from './printable.js';
import { dateText, isDate } from './timeline.js';

type Check = Explanation['checks'][number];

/** The rule of each check. */
const RULES: Readonly<Record<string, string>> = {
  request: 'The request must have one assertion and no other credentials.',
  encoding: 'The assertion must have three parts in base64url. The first two must be JSON.',
  alg: 'This server must accept the algorithm.',
  crit: 'The header must not ask for extensions.',
  b64: 'The payload must be encoded as usual.',
  'key identifiers': 'The names of the key must be strings.',
  typ: 'The JWT must be a client assertion, not another kind of JWT.',
  'authorization request': 'The JWT must be a client assertion, not a request object.',
  iss: 'iss must say who made the assertion.',
  sub: 'sub must be the same as iss, unless a platform signed.',
  'client_id parameter': 'The client_id of the request must name the same client.',
  aud: 'The assertion must be made for this server.',
  'exp is a number': 'exp must be present, and a number.',
  'exp is in the future': 'The assertion must not have expired.',
  'nbf is a number': 'nbf must be a number, if it is present.',
  'nbf is not in the future': 'The assertion must already be valid.',
  'iat is a number': 'iat must be a number, if it is present.',
  'iat is not in the future': 'The assertion must not come from the future.',
  'iat is not too old': 'The assertion must not be too old.',
  lifetime: 'The assertion must be valid only for a limited time.',
  jti: 'The assertion must have an identifier of its own.',
  client: 'This server must know the client.',
  'client is enabled': 'The client must not be disabled.',
  'alg of the client': 'The client must be registered for the algorithm.',
  'method of the client': 'The client must be registered for assertions.',
  'further claims': 'The other claims must have the registered values.',
  key: 'The client must have a key that fits.',
  signature: 'One of the client’s keys must have made the signature.',
  replay: 'The assertion must not have been used before.',
};

export const ruleOf = ({ check }: Check): string => RULES[check] ?? '';

/** What the members of an assertion mean. */
export const MEANINGS: Readonly<Record<string, string>> = {
  alg: 'the algorithm of the signature',
  kid: 'the key that signed',
  typ: 'the kind of JWT',
  iss: 'who made it',
  sub: 'the client or workload',
  aud: 'the server that it is for',
  exp: 'when it expires',
  nbf: 'when it becomes valid',
  iat: 'when it was made',
  jti: 'its identifier, used once',
};

/** A value that a check compared, in words: a list without what is absent. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return printable(value);
  if (!Array.isArray(value)) return value === undefined ? 'nothing' : json(value);
  const present = value.filter((item) => item !== null && item !== undefined).map(inWords);
  return present.length === 0 ? 'nothing' : present.join(', ');
}

const UNITS = [
  [86_400, 'days'],
  [3600, 'hours'],
  [60, 'minutes'],
] as const;

/** A number of seconds, also in a larger unit if that is a whole number. */
function durationText(seconds: number): string {
  const [size, unit] = UNITS.find(([size]) => seconds % size === 0 && seconds >= 2 * size) ?? [];
  const larger = size === undefined ? '' : ` (${seconds / size} ${unit})`;
  return `${seconds.toLocaleString('en')} seconds${larger}`;
}

const LIMIT = /^(<=|>=|>) (-?\d+(?:\.\d+)?)$/;
const TIME_LIMITS: Readonly<Record<string, string>> = {
  '<=': 'not after',
  '>=': 'not before',
  '>': 'after',
};

/** What a check found or accepts, in words: times and lifetimes with their unit. */
export function findingOf({ check }: Check, value: unknown): string {
  const [, comparison = '', limit] = LIMIT.exec(String(value)) ?? [];
  const number = limit === undefined ? value : Math.round(Number(limit));
  if (check === 'lifetime' && typeof number === 'number' && Number.isFinite(number)) {
    return `${limit === undefined ? '' : 'at most '}${durationText(number)}`;
  }
  if (!/^(exp|nbf|iat) is (not )?(in|too)/.test(check) || !isDate(number)) return inWords(value);
  return limit === undefined
    ? `${number} (${dateText(number)})`
    : `${TIME_LIMITS[comparison]} ${dateText(number)}`;
}

/** Whether a check compares with a limit. */
export const hasLimit = ({ expected }: Check): boolean => LIMIT.test(String(expected));

const ago = (seconds: number): string =>
  Math.abs(seconds) < 120
    ? `${Math.round(Math.abs(seconds))} seconds`
    : `${Math.round(Math.abs(seconds) / 60)} minutes`;

/** Why a check failed, in words. */
function why(check: Check, claims: object, server: PageServer): string {
  const { reason, actual, expected } = check;
  const { exp } = claims as { exp?: unknown };
  const now = Date.now() / 1000;
  if (reason === 'audience_mismatch') {
    return `made for ${inWords(actual)}, but this server is ${server.issuer}`;
  }
  if (reason === 'expired' && typeof exp === 'number') {
    return `expired ${ago(now - exp)} ago, and clocks may differ only by ${server.clockTolerance} seconds`;
  }
  const description = describeReason(reason ?? '').replace(/\.$/, '');
  const words = `${description.charAt(0).toLowerCase()}${description.slice(1)}`;
  if (actual === undefined || expected === undefined) return words;
  return `${words}: found ${findingOf(check, actual)}, expected ${findingOf(check, expected)}`;
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
    ? {
        outcome: 'passed',
        text: '✓ Accepted: every check passed, and the assertion was not used before.',
      }
    : {
        outcome: 'undecided',
        text: 'No problem so far. The client, its keys and the signature are not checked yet.',
      };
}
