import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { validClaims } from '../../support/assertion.js';
import { type Attack, testAttacks } from '../../support/attacks.js';
import { keyPair, newKeyPair } from '../../support/keys.js';
import { listen } from '../../support/listen.js';
import { hmacSigner, rawAssertion, rightSigner } from '../../support/raw-jws.js';

const withHeader = (header: object | string): Attack['assertion'] => {
  return () => rawAssertion(typeof header === 'string' ? header : { alg: 'ES256', ...header });
};

const NONE: readonly Attack[] = [
  'none',
  'None',
  'NONE',
  'nOnE',
  ' none',
  'none\u0000',
  'n\u043ene',
  '',
].map((alg) => ({
  name: `alg ${JSON.stringify(alg)} (RFC 8725 §3.1)`,
  reason: 'algorithm_not_allowed',
  assertion: withHeader({ alg }),
}));

const NONE_UNSIGNED: readonly Attack[] = [
  {
    name: 'alg none with an empty signature',
    reason: 'assertion_malformed',
    assertion: () => rawAssertion({ alg: 'none' }, validClaims(), () => Buffer.alloc(0)),
  },
  {
    name: 'alg ES256 with an empty signature',
    reason: 'assertion_malformed',
    assertion: () => rawAssertion({ alg: 'ES256' }, validClaims(), () => Buffer.alloc(0)),
  },
];

const ALGS: readonly Attack[] = [
  'es256',
  'ES256 ',
  'ES256K',
  'ES512K',
  'RS1',
  'HS1',
  'RSA1_5',
  'RSA-OAEP',
  'A256KW',
  'dir',
  'Ed448',
  'ML-DSA-44',
  'SHA256',
  '__proto__',
  'constructor',
  0,
  -7,
  null,
  true,
  ['ES256'],
  { ES256: true },
].map((alg) => ({
  name: `alg ${JSON.stringify(alg)}`,
  reason: 'algorithm_not_allowed',
  assertion: withHeader({ alg }),
}));

const ALG_PLACES: readonly Attack[] = [
  { name: 'no alg', reason: 'algorithm_not_allowed', assertion: withHeader('{}') },
  {
    name: 'alg inherited from __proto__',
    reason: 'algorithm_not_allowed',
    assertion: withHeader('{"__proto__":{"alg":"ES256"}}'),
  },
  {
    name: 'alg twice, none being the last (RFC 7515 §4)',
    reason: 'algorithm_not_allowed',
    assertion: withHeader('{"alg":"ES256","alg":"none"}'),
  },
  {
    name: 'alg twice, none being the first (RFC 7515 §4)',
    reason: undefined,
    assertion: withHeader('{"alg":"none","alg":"ES256"}'),
  },
  {
    name: 'alg written with JSON escapes',
    reason: undefined,
    assertion: withHeader('{"\\u0061lg":"\\u0045S256"}'),
  },
];

const CRIT: readonly Attack[] = [
  ['exp'],
  ['b64'],
  ['alg'],
  [],
  ['https://as.example/unknown'],
  [1],
  'exp',
  null,
  false,
  { exp: true },
].map((crit) => ({
  name: `crit ${JSON.stringify(crit)} (RFC 7515 §4.1.11)`,
  reason: 'critical_header',
  assertion: withHeader({ crit, exp: 1 }),
}));

const B64: readonly Attack[] = [false, 'false', 'true', 0, null, []].map((b64) => ({
  name: `b64 ${JSON.stringify(b64)} (RFC 7797 §7)`,
  reason: 'unencoded_payload',
  assertion: withHeader({ b64 }),
}));

const RIGHT_B64: Attack = {
  name: 'b64 true, which changes nothing (RFC 7797 §3)',
  reason: undefined,
  assertion: withHeader({ b64: true }),
};

const TYP: readonly Attack[] = [
  'at+jwt',
  'application/at+jwt',
  'dpop+jwt',
  'oauth-authz-req+jwt',
  'logout+jwt',
  'secevent+jwt',
  'token-introspection+jwt',
  'entity-statement+jwt',
  'vc+sd-jwt',
  'JOSE',
  'JOSE+JSON',
  'jwt ',
  'application/application/jwt',
  'text/jwt',
  '/jwt',
  'xclient-authentication+jwt',
  'client-authentication+jwt;x=y',
  '',
  null,
  1,
  ['JWT'],
].map((typ) => ({
  name: `typ ${JSON.stringify(typ)} (RFC 8725 §3.11)`,
  reason: 'typ_not_allowed',
  assertion: withHeader({ typ }),
}));

const RIGHT_TYP: readonly Attack[] = [
  'JWT',
  'jwt',
  'Jwt',
  'application/jwt',
  'Application/JWT',
  'client-authentication+jwt',
  'CLIENT-AUTHENTICATION+JWT',
  'application/client-authentication+jwt',
].map((typ) => ({
  name: `typ ${JSON.stringify(typ)} (RFC 10070 §4)`,
  reason: undefined,
  assertion: withHeader({ typ }),
}));

/** `kid` is a hint (RFC 7515 §4.1.4): it leads nowhere, and the client's key has signed. */
const KIDS: readonly Attack[] = [
  '../../../../dev/null',
  '/dev/null',
  'file:///etc/passwd',
  'C:\\windows\\win.ini',
  "' OR '1'='1",
  "known'; DROP TABLE clients; --",
  'https://evil.example/jwks.json',
  '$(id)',
  '__proto__',
  'constructor',
  'known\u0000',
  'known ',
  'KNOWN',
  '',
  'k'.repeat(10_000),
].map((kid) => ({
  name: `kid ${JSON.stringify(kid.slice(0, 40))}`,
  reason: undefined,
  assertion: withHeader({ kid }),
}));

const KEY_IDENTIFIERS: readonly Attack[] = (['kid', 'x5t', 'x5t#S256'] as const).flatMap((name) =>
  [null, 1, true, ['known'], { known: true }].map((value) => ({
    name: `${name} ${JSON.stringify(value)}`,
    reason: 'key_identifier_invalid' as const,
    assertion: withHeader({ [name]: value }),
  })),
);

const emptyKeyBy = (kid: string): Attack => ({
  name: `HS256 with an empty key, which kid ${kid} is to name`,
  reason: 'no_matching_key',
  assertion: () => rawAssertion({ alg: 'HS256', kid }, validClaims(), hmacSigner('sha256', '')),
});

const intruder = newKeyPair('ES256', { kid: 'known' });
const fetched: string[] = [];
const keyServer = await listen((request, response) => {
  fetched.push(request.url ?? '');
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ keys: [intruder.publicJwk] }));
});
after(() => keyServer.close());

const signedByIntruder = (name: string, header: object): Attack => ({
  name: `a forgery with ${name} in its header (RFC 8725 §3.10)`,
  reason: 'signature_invalid',
  assertion: () => rawAssertion({ alg: 'ES256', ...header }, validClaims(), rightSigner(intruder)),
});

const HEADER_KEYS: readonly Attack[] = [
  signedByIntruder('jwk', { jwk: intruder.publicJwk }),
  signedByIntruder('jwk and the right kid', { jwk: intruder.publicJwk, kid: 'known' }),
  signedByIntruder('jku', { jku: `${keyServer.url}/jku`, kid: 'known' }),
  signedByIntruder('x5u', { x5u: `${keyServer.url}/x5u` }),
  signedByIntruder('x5c', { x5c: [randomBytes(500).toString('base64')] }),
  signedByIntruder('jwks_uri', { jwks_uri: `${keyServer.url}/jwks` }),
  signedByIntruder('epk', { epk: intruder.publicJwk }),
  {
    name: 'header-borne keys next to a right signature, which are not looked at',
    reason: undefined,
    assertion: withHeader({ jwk: keyPair('RS256').publicJwk, jku: `${keyServer.url}/jku`, x5c: 5 }),
  },
];

await testAttacks([
  ...NONE,
  ...NONE_UNSIGNED,
  ...ALGS,
  ...ALG_PLACES,
  ...CRIT,
  ...B64,
  RIGHT_B64,
  ...TYP,
  ...RIGHT_TYP,
  ...KIDS,
  ...KEY_IDENTIFIERS,
  emptyKeyBy('/dev/null'),
  emptyKeyBy('known'),
  ...HEADER_KEYS,
]);

test('the server fetches no URL from a header', () => {
  assert.deepEqual(fetched, []);
});
