import type { JsonObject } from '../../keys/compact-jws.js';
import { CLIENT_AUTHENTICATION_TYP, plainType } from '../../shared/jose.js';
import { type AssertionSubject, type Check, constant, header, type JwtSubject } from './check.js';

/** Undefined if the header has no `typ`, null if it is not a string. */
export function typOf(header: JsonObject): string | null | undefined {
  const typ = header['typ'];
  if (typ === undefined) return undefined;
  return typeof typ === 'string' ? plainType(typ) : null;
}

const KEY_IDENTIFIERS = ['kid', 'x5t', 'x5t#S256'] as const;

export const ALG_CHECK: Check<JwtSubject> = {
  name: 'alg',
  source: 'RFC 8725 §3.1',
  reason: 'algorithm_not_allowed',
  passes: ({ jws, settings }) => settings.algorithms.has(jws.header['alg'] as string),
  expected: ({ settings }) => [...settings.algorithms],
  actual: header('alg'),
};

export const HEADER_CHECKS: readonly Check<JwtSubject>[] = [
  ALG_CHECK,
  {
    name: 'crit',
    source: 'RFC 7515 §4.1.11',
    reason: 'critical_header',
    passes: ({ jws }) => jws.header['crit'] === undefined,
    expected: constant('absent'),
    actual: header('crit'),
  },
  {
    name: 'b64',
    source: 'RFC 7797 §7',
    reason: 'unencoded_payload',
    passes: ({ jws }) => jws.header['b64'] === undefined || jws.header['b64'] === true,
    expected: constant('absent or true'),
    actual: header('b64'),
  },
  {
    name: 'key identifiers',
    source: 'RFC 7515 §4.1.4, §4.1.7, §4.1.8',
    reason: 'key_identifier_invalid',
    passes: ({ jws: { header } }) => {
      for (const name of KEY_IDENTIFIERS) {
        if (header[name] !== undefined && typeof header[name] !== 'string') return false;
      }
      return true;
    },
    expected: constant('strings'),
    actual: ({ jws }) => KEY_IDENTIFIERS.map((name) => jws.header[name]),
  },
];

/** By RFC 10070 or by a profile. */
export const isExplicitTyp = ({ typ, settings }: AssertionSubject): boolean =>
  typ === CLIENT_AUTHENTICATION_TYP || settings.additionalTypes.has(String(typ));

export const TYP_CHECK: Check<AssertionSubject> = {
  name: 'typ',
  source: 'RFC 10070 §4, RFC 8725 §3.11',
  reason: 'typ_not_allowed',
  passes: (subject) => {
    const { typ, settings } = subject;
    return (!settings.requireTyp && (typ === undefined || typ === 'jwt')) || isExplicitTyp(subject);
  },
  expected: ({ settings: { requireTyp, additionalTypes } }) => [
    ...(requireTyp ? [] : ['absent', 'JWT']),
    CLIENT_AUTHENTICATION_TYP,
    ...additionalTypes,
  ],
  actual: header('typ'),
};
