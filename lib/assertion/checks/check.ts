import type { Reason } from '../../shared/reasons.js';
import type { JwtSubject } from '../subject.js';

/** One rule: how it is called, where it is written, and whether a JWT keeps it. */
export interface Check<Subject> {
  readonly name: string;
  readonly source: string;
  /** What is reported when the rule is broken. */
  readonly reason: Reason;
  passes(subject: Subject): boolean;
  expected(subject: Subject): unknown;
  actual(subject: Subject): unknown;
}

const member =
  (part: 'header' | 'claims', name: string) =>
  ({ jws }: JwtSubject): unknown =>
    jws[part][name];

/** Reads a member of the header. */
export const header = (name: string) => member('header', name);

/** Reads a claim. */
export const claim = (name: string) => member('claims', name);

/** Ignores the subject. */
export const constant = (value: unknown) => (): unknown => value;

export const isNonEmptyString = (value: unknown): value is string =>
  typeof value === 'string' && value !== '';
