import { CLIENT_AUTHENTICATION_TYP } from '../../shared/jwt-types.js';
import type { AssertionSubject } from '../subject.js';
import { typOf } from './typ.js';

/** Which of the server's names an accepted `aud` was. */
export type AudienceForm = 'issuer' | 'token_endpoint' | 'endpoint' | 'additional';

const values = (aud: unknown): readonly unknown[] => (Array.isArray(aud) ? aud : [aud]);

const withoutTrailingSlash = (url: string): string => (url.endsWith('/') ? url.slice(0, -1) : url);

/**
 * Whether `aud` is the issuer identifier as its sole value, a string or an array of one
 * (draft-ietf-oauth-rfc7523bis §4): what makes an assertion useless at any other server.
 */
export function isStrictAudience({ jws, server }: AssertionSubject): boolean {
  const audience = values(jws.claims['aud']);
  return audience.length === 1 && audience[0] === server.issuer;
}

/** Whether the assertion promises it by its own `typ`, and not the server asks for it. */
export const isStrictByTyp = ({ settings, jws }: AssertionSubject): boolean =>
  settings.audience !== 'strict' && typOf(jws.header) === CLIENT_AUTHENTICATION_TYP;

/**
 * Whether the audience must be strict: by the server's setting, or since the assertion's own `typ`
 * promises it (draft-ietf-oauth-rfc7523bis §4).
 */
export const requiresStrictAudience = (subject: AssertionSubject): boolean =>
  subject.settings.audience === 'strict' || isStrictByTyp(subject);

/** The values of `aud` that are accepted, each with its form. */
export function acceptedAudiences(
  subject: AssertionSubject,
): readonly (readonly [string, AudienceForm])[] {
  const { issuer, tokenEndpoint, endpoint } = subject.server;
  const accepted: [string, AudienceForm][] = [[issuer, 'issuer']];
  if (requiresStrictAudience(subject)) return accepted;
  if (tokenEndpoint !== undefined) accepted.push([tokenEndpoint, 'token_endpoint']);
  if (endpoint !== undefined) accepted.push([endpoint, 'endpoint']);
  for (const audience of subject.settings.additionalAudiences) {
    accepted.push([audience, 'additional']);
  }
  return accepted;
}

/** The form of the first accepted value in `aud`; undefined where none is accepted. */
export function audienceForm(subject: AssertionSubject): AudienceForm | undefined {
  // What most clients send is accepted in every mode.
  if (isStrictAudience(subject)) return 'issuer';
  if (requiresStrictAudience(subject)) return undefined;
  const { ignoreTrailingSlash } = subject.settings;
  const audience = values(subject.jws.claims['aud']);
  if (!audience.every((value) => typeof value === 'string')) return undefined;
  return acceptedAudiences(subject).find(([accepted]) =>
    audience.some(
      (value) =>
        value === accepted ||
        (ignoreTrailingSlash && withoutTrailingSlash(value) === withoutTrailingSlash(accepted)),
    ),
  )?.[1];
}
