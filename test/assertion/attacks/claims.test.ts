import { ISSUER, signAssertion, TOKEN_ENDPOINT, validClaims } from '../../support/assertion.js';
import { type Attack, testAttacks } from '../../support/attacks.js';
import { claimsText, rawAssertion } from '../../support/raw-jws.js';

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'absent').slice(0, 60);

/** An assertion in which one claim has another value; undefined leaves it out. */
const withClaim =
  (name: string, value: unknown): Attack['assertion'] =>
  () =>
    signAssertion('client', { claims: { [name]: value } });

const refused = (name: string, reason: Attack['reason'], values: readonly unknown[]): Attack[] =>
  values.map((value) => ({
    name: `${name} ${shown(value)}`,
    reason,
    assertion: withClaim(name, value),
  }));

/** The same for values that JSON has and JavaScript does not keep. */
const refusedText = (name: string, reason: Attack['reason'], texts: readonly string[]): Attack[] =>
  texts.map((text) => ({
    name: `${name} ${text.slice(0, 60)}`,
    reason,
    assertion: () => rawAssertion({ alg: 'ES256' }, claimsText(`"${name}":${text}`, [name])),
  }));

const NOT_A_STRING = [1, true, null, {}, [], ['client'], { client: true }];
const NOT_A_NUMBER = ['4102444800.0', '', 'soon', true, null, {}, [], [4_102_444_800]];

const ISSUER_AND_SUBJECT: readonly Attack[] = [
  ...refused('iss', 'issuer_invalid', [undefined, '', ...NOT_A_STRING]),
  ...refused('iss', 'subject_mismatch', ['another', 'CLIENT', 'client ', ISSUER]),
  ...refused('sub', 'subject_mismatch', [undefined, '', 'another', 'Client', ...NOT_A_STRING]),
  {
    name: 'iss and sub both the same array',
    reason: 'issuer_invalid',
    assertion: () => signAssertion('client', { claims: { iss: ['client'], sub: ['client'] } }),
  },
  {
    name: 'the issuer of the server as iss and sub',
    reason: 'unknown_client',
    assertion: () => signAssertion(ISSUER),
  },
];

const AUDIENCE: readonly Attack[] = refused('aud', 'audience_mismatch', [
  undefined,
  '',
  `${ISSUER}/`,
  `${TOKEN_ENDPOINT}/`,
  `${ISSUER}/toke`,
  `${TOKEN_ENDPOINT}s`,
  'https://as.exampl',
  'https://as.example.evil.example',
  'https://as.example@evil.example',
  'https://evil.example/https://as.example',
  'https://evil.example#https://as.example',
  'https://evil.example/?aud=https://as.example',
  'https://AS.example',
  'HTTPS://as.example',
  'http://as.example',
  'https://as.example:443',
  'https://as.example:8443',
  'https://as.example./',
  'https://as.example?',
  'https://as.example#',
  'https://user@as.example',
  'https://as.example/%74oken',
  'https://as.example//token',
  'https://as.example/./token',
  'https://as.example\u200b',
  'https://\u0430s.example',
  ' https://as.example',
  'https://as.example\n',
  'as.example',
  'https://evil.example/token',
  'client',
  '*',
  [],
  [''],
  ['https://evil.example'],
  [[ISSUER]],
  [ISSUER, 5],
  [ISSUER, null],
  [ISSUER, {}],
  `${ISSUER} ${TOKEN_ENDPOINT}`,
  { [ISSUER]: true },
  { 0: ISSUER, length: 1 },
  1,
  true,
  null,
]);

const RIGHT_AUDIENCE: readonly Attack[] = [
  ISSUER,
  TOKEN_ENDPOINT,
  [ISSUER],
  [TOKEN_ENDPOINT],
  [ISSUER, TOKEN_ENDPOINT],
  ['https://other.example', ISSUER],
].map((aud) => ({
  name: `aud ${shown(aud)} (RFC 7519 §4.1.3)`,
  reason: undefined,
  assertion: withClaim('aud', aud),
}));

const EXPIRATION: readonly Attack[] = [
  ...refused('exp', 'expiration_invalid', [undefined, ...NOT_A_NUMBER]),
  ...refusedText('exp', 'expiration_invalid', ['1e400', '1e309']),
  ...refusedText('exp', 'assertion_malformed', [
    'NaN',
    'Infinity',
    '-Infinity',
    '0x7fffffff',
    '09999999999',
    '+4102444800',
    '4102444800n',
    '.5',
  ]),
  ...refused('exp', 'expired', [0, -1, -1e308, 1, 0.5]),
  ...refused('exp', 'lifetime_too_long', [
    1e308,
    Number.MAX_SAFE_INTEGER,
    Date.now(),
    4_102_444_800,
  ]),
];

const NOT_BEFORE: readonly Attack[] = [
  ...refused('nbf', 'not_before_invalid', NOT_A_NUMBER),
  ...refusedText('nbf', 'not_before_invalid', ['1e400', '-1e400']),
  ...refused('nbf', 'not_yet_valid', [1e308, Date.now(), 4_102_444_800]),
];

const ISSUED_AT: readonly Attack[] = [
  ...refused('iat', 'issued_at_invalid', NOT_A_NUMBER),
  ...refusedText('iat', 'issued_at_invalid', ['1e400', '-1e400']),
  ...refused('iat', 'issued_in_the_future', [1e308, Date.now(), 4_102_444_800]),
  ...refused('iat', 'issued_too_long_ago', [0, -1, -1e308, 1_000_000_000]),
  {
    name: 'iat and exp both far in the future',
    reason: 'issued_in_the_future',
    assertion: () =>
      signAssertion('client', { claims: { iat: 4_102_444_800, exp: 4_102_444_860 } }),
  },
];

const JWT_ID: readonly Attack[] = refused('jti', 'jwt_id_invalid', [
  undefined,
  '',
  ...NOT_A_STRING,
]);

const OPTIONAL: readonly Attack[] = [
  ['iat', undefined],
  ['nbf', 0],
  ['nbf', -1e308],
  ['exp', Math.floor(Date.now() / 1000) + 300.5],
  ['jti', ' '],
  ['jti', '__proto__'],
  ['jti', 'x'.repeat(5000)],
].map(([name, value]) => ({
  name: `${name} ${shown(value)}`,
  reason: undefined,
  assertion: withClaim(String(name), value),
}));

const DUPLICATES: readonly Attack[] = [
  {
    name: 'sub twice, the last one being of another client (RFC 7519 §4)',
    reason: 'subject_mismatch',
    assertion: () => rawAssertion({ alg: 'ES256' }, claimsText('"sub":"another"')),
  },
  {
    name: 'iss and sub twice, the last ones being of another client',
    reason: 'unknown_client',
    assertion: () => rawAssertion({ alg: 'ES256' }, claimsText('"iss":"another","sub":"another"')),
  },
  {
    name: 'aud twice, the last one being of another server',
    reason: 'audience_mismatch',
    assertion: () => rawAssertion({ alg: 'ES256' }, claimsText('"aud":"https://evil.example"')),
  },
  {
    name: 'exp twice, the last one being past',
    reason: 'expired',
    assertion: () => rawAssertion({ alg: 'ES256' }, claimsText('"exp":1')),
  },
  {
    name: 'aud twice, the last one being of this server',
    reason: undefined,
    assertion: () =>
      rawAssertion(
        { alg: 'ES256' },
        `{"aud":"https://evil.example",${JSON.stringify(validClaims()).slice(1)}`,
      ),
  },
  {
    name: 'all claims inside __proto__',
    reason: 'issuer_invalid',
    assertion: () =>
      rawAssertion({ alg: 'ES256' }, `{"__proto__":${JSON.stringify(validClaims())}}`),
  },
  {
    name: 'all claims inside claims',
    reason: 'issuer_invalid',
    assertion: () => rawAssertion({ alg: 'ES256' }, { claims: validClaims() }),
  },
];

const OTHER_TOKENS: readonly Attack[] = [
  {
    name: 'an ID token of the server about the client',
    reason: 'unknown_client',
    assertion: () =>
      signAssertion('client', { claims: { iss: ISSUER, sub: ISSUER, aud: [ISSUER] } }),
  },
  {
    name: 'an authorization request (RFC 9101 §10.8)',
    reason: 'request_object_as_assertion',
    assertion: () =>
      signAssertion('client', { claims: { response_type: 'code', client_id: 'client' } }),
  },
];

await testAttacks([
  ...ISSUER_AND_SUBJECT,
  ...AUDIENCE,
  ...RIGHT_AUDIENCE,
  ...EXPIRATION,
  ...NOT_BEFORE,
  ...ISSUED_AT,
  ...JWT_ID,
  ...OPTIONAL,
  ...DUPLICATES,
  ...OTHER_TOKENS,
]);
