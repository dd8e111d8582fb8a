import type { AuthenticationEvent } from '../../shared/events.js';
import { CLIENT_AUTHENTICATION_TYP } from '../../shared/jose.js';
import { withoutFinalSlash } from '../../shared/safe.js';
import { type AssertionSubject, type Check, claim } from './check.js';

export type AudienceForm = NonNullable<AuthenticationEvent['audienceForm']>;

export type AudienceMode = 'compatible' | 'issuer' | 'issuer-string';

export const isSameUrl = (a: unknown, b: string, ignoreTrailingSlash: boolean): boolean =>
  a === b ||
  (ignoreTrailingSlash && typeof a === 'string' && withoutFinalSlash(a) === withoutFinalSlash(b));

/** The assertion's own `typ` promises the audience of RFC 10070. */
const promisesIssuer = ({ settings, typ }: AssertionSubject): boolean =>
  settings.audience === 'compatible' && typ === CLIENT_AUTHENTICATION_TYP;

/** RFC 10070 §4; FAPI 2.0 §5.3.2.1 (8). */
export function isIssuerAlone(
  { claims, server, settings }: AssertionSubject,
  mode: Exclude<AudienceMode, 'compatible'>,
): boolean {
  const { aud } = claims;
  const isArrayOfOne = mode === 'issuer' && Array.isArray(aud) && aud.length === 1;
  const value: unknown = isArrayOfOne ? aud[0] : aud;
  return isSameUrl(value, server.issuer, settings.ignoreTrailingSlash);
}

function acceptedAudiences({
  server: { issuer, tokenEndpoint, endpoint },
  settings,
}: AssertionSubject): readonly (readonly [string, AudienceForm])[] {
  const accepted: [string, AudienceForm][] = [[issuer, 'issuer']];
  if (tokenEndpoint !== undefined) accepted.push([tokenEndpoint, 'token_endpoint']);
  if (endpoint !== undefined) accepted.push([endpoint, 'endpoint']);
  for (const audience of settings.additionalAudiences) accepted.push([audience, 'additional']);
  return accepted;
}

export function audienceForm(subject: AssertionSubject): AudienceForm | undefined {
  const { settings, claims } = subject;
  // Fast path: most clients send a value that every mode accepts.
  if (claims['aud'] === subject.server.issuer) return 'issuer';
  const mode = promisesIssuer(subject) ? 'issuer' : settings.audience;
  if (mode !== 'compatible') return isIssuerAlone(subject, mode) ? 'issuer' : undefined;
  const values: readonly unknown[] = [claims['aud']].flat();
  if (!values.every((value) => typeof value === 'string')) return undefined;
  return acceptedAudiences(subject).find(([accepted]) =>
    values.some((value) => isSameUrl(value, accepted, settings.ignoreTrailingSlash)),
  )?.[1];
}

export const AUDIENCE_CHECK: Check<AssertionSubject> = {
  name: 'aud',
  source: 'RFC 7523 §3 (3), RFC 10070 §4',
  reason: 'audience_mismatch',
  passes: (subject) => audienceForm(subject) !== undefined,
  expected: (subject) => {
    const { issuer } = subject.server;
    if (promisesIssuer(subject))
      return `${issuer} alone, because typ is ${CLIENT_AUTHENTICATION_TYP}`;
    const { audience } = subject.settings;
    if (audience === 'issuer-string') return `${issuer} as a string`;
    if (audience === 'issuer') return `${issuer} alone`;
    // At the token endpoint, both URLs are the same.
    return [...new Set(acceptedAudiences(subject).map(([accepted]) => accepted))];
  },
  actual: claim('aud'),
};
