import type { CompactJws, JsonObject } from '../../keys/compact-jws.js';
import type { AssertionClient } from '../../keys/secret.js';
import type { Failure, Reason } from '../../shared/reasons.js';
import type { Rules } from '../rules.js';

export interface Check<Subject> {
  readonly name: string;
  readonly source: string;
  readonly reason: Reason;
  passes(subject: Subject): boolean;
  expected(subject: Subject): unknown;
  actual(subject: Subject): unknown;
}

export interface JwtSubject {
  readonly jws: CompactJws;
  /** A time sent as a string of digits is a number here, if such strings are accepted. */
  readonly claims: JsonObject;
  readonly settings: Pick<Rules, 'algorithms' | 'clockTolerance'>;
  /** Seconds since the epoch, with their fraction. */
  readonly now: number;
}

export interface ServerIdentity {
  readonly issuer: string;
  readonly tokenEndpoint?: string | undefined;
  readonly endpoint?: string | undefined;
}

export interface AssertionSubject extends JwtSubject {
  readonly settings: Rules;
  /** As `typOf` reads it. */
  readonly typ: string | null | undefined;
  readonly clientIdParameter: string | undefined;
  readonly server: ServerIdentity;
}

export interface ClientSubject extends AssertionSubject {
  readonly client: AssertionClient;
}

export const header =
  (name: string) =>
  ({ jws }: JwtSubject): unknown =>
    jws.header[name];

export const claim =
  (name: string) =>
  ({ jws }: JwtSubject): unknown =>
    jws.claims[name];

export const constant = (value: unknown) => (): unknown => value;

export const isNonEmptyString = (value: unknown): value is string =>
  typeof value === 'string' && value !== '';

export function firstFailure<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
): Failure | undefined {
  for (const check of checks) {
    if (check.passes(subject)) continue;
    const { reason } = check;
    return { reason, expected: check.expected(subject), actual: check.actual(subject) };
  }
  return undefined;
}
