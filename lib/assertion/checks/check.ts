import type { CompactJws, JsonObject } from '../../keys/compact-jws.js';
import type { AssertionClient } from '../../keys/secret.js';
import type { Failure, Reason } from '../../shared/reasons.js';
import type { Rules } from '../rules.js';

/** One rule: its name, its source, and whether a JWT keeps it. */
export interface Check<Subject> {
  readonly name: string;
  readonly source: string;
  /** What is reported when the rule is broken. */
  readonly reason: Reason;
  passes(subject: Subject): boolean;
  expected(subject: Subject): unknown;
  actual(subject: Subject): unknown;
}

/** What the checks that all signed JWTs share look at. */
export interface JwtSubject {
  readonly jws: CompactJws;
  /** The claims; a time that came as a string of digits, and is taken so, is a number here. */
  readonly claims: JsonObject;
  readonly settings: Pick<Rules, 'algorithms' | 'clockTolerance'>;
  /** Seconds since the epoch, with their fraction. */
  readonly now: number;
}

/** The server, as an assertion may name it in `aud`. */
export interface ServerIdentity {
  /** The issuer identifier of the authorization server (RFC 8414 §2). */
  readonly issuer: string;
  /** The URL of the token endpoint. */
  readonly tokenEndpoint?: string | undefined;
  /** The URL of the endpoint being called, if it is another one. */
  readonly endpoint?: string | undefined;
}

/** What the checks of an assertion look at before the client is known. */
export interface AssertionSubject extends JwtSubject {
  readonly settings: Rules;
  /** `typ` as `typOf` reads it. */
  readonly typ: string | null | undefined;
  /** The `client_id` parameter of the request. */
  readonly clientIdParameter: string | undefined;
  readonly server: ServerIdentity;
}

/** What the checks look at once the client is known. */
export interface ClientSubject extends AssertionSubject {
  readonly client: AssertionClient;
}

/** Reads a member of the header. */
export const header =
  (name: string) =>
  ({ jws }: JwtSubject): unknown =>
    jws.header[name];

/** Reads a claim, as it came. */
export const claim =
  (name: string) =>
  ({ jws }: JwtSubject): unknown =>
    jws.claims[name];

/** Ignores the subject. */
export const constant = (value: unknown) => (): unknown => value;

export const isNonEmptyString = (value: unknown): value is string =>
  typeof value === 'string' && value !== '';

/** The first rule that a subject breaks, as the failure to report. */
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
