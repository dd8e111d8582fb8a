import { signAssertion, validClaims } from '../../support/assertion.js';
import { type Attack, testAttacks } from '../../support/attacks.js';
import { keyPair } from '../../support/keys.js';
import { encoded, rawAssertion, rightSigner } from '../../support/raw-jws.js';

type Change = (parts: readonly [string, string, string]) => string;

/** Changes the three segments of a valid assertion. */
const changed =
  (change: Change): Attack['assertion'] =>
  async () => {
    const [header = '', payload = '', signature = ''] = (await signAssertion()).split('.');
    return change([header, payload, signature]);
  };

const malformed = (attacks: Readonly<Record<string, Attack['assertion']>>): readonly Attack[] =>
  Object.entries(attacks).map(([name, assertion]) => ({
    name,
    reason: 'assertion_malformed',
    assertion,
  }));

const fixed = (text: string) => () => text;

const SEGMENTS = malformed({
  'one segment': changed(([header]) => header),
  'one segment that is JSON but for its last letter': fixed('e30A'),
  'two segments that are JSON': fixed('e30.e30'),
  'two segments': changed(([header, payload]) => `${header}.${payload}`),
  'four segments': changed((parts) => `${parts.join('.')}.${parts[2]}`),
  'five segments, as a JWE has (RFC 7516 §3.1)': changed((parts) => `${parts.join('.')}.a.a`),
  'a thousand dots': fixed('.'.repeat(1000)),
  'an empty header': changed(([, payload, signature]) => `.${payload}.${signature}`),
  'an empty payload (RFC 7515 §7.2.8, detached)': changed(([h, , s]) => `${h}..${s}`),
  'an empty signature': changed(([header, payload]) => `${header}.${payload}.`),
  'a dot at the start': changed((parts) => `.${parts.join('.')}`),
  'a dot at the end': changed((parts) => `${parts.join('.')}.`),
  'the word null': fixed('null'),
});

const SERIALISATION = malformed({
  'JSON serialisation, flattened (RFC 7515 §7.2.2)': changed(([header, payload, signature]) =>
    JSON.stringify({ protected: header, payload, signature }),
  ),
  'JSON serialisation, general (RFC 7515 §7.2.1)': changed(([header, payload, signature]) =>
    JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
  ),
  'JSON in place of base64url': changed(
    ([, payload, signature]) => `{"alg":"ES256"}.${payload}.${signature}`,
  ),
  'a JWT within a JWT (RFC 7519 §5.2)': () => rawAssertion({ alg: 'ES256' }, 'eyJhIjoxfQ.e30.c2ln'),
  'an SD-JWT with its tildes': changed((parts) => `${parts.join('.')}~WyJhIl0~`),
  'base64 of the whole': changed((parts) => Buffer.from(parts.join('.')).toString('base64')),
});

const withText = (text: string) => ({
  [`${JSON.stringify(text)} before the assertion`]: changed((parts) => text + parts.join('.')),
  [`${JSON.stringify(text)} after the assertion`]: changed((parts) => parts.join('.') + text),
  [`${JSON.stringify(text)} in the payload`]: changed(
    ([h, p, s]) => `${h}.${p.slice(0, 8)}${text}${p.slice(8)}.${s}`,
  ),
  [`${JSON.stringify(text)} in the signature`]: changed(
    ([h, p, s]) => `${h}.${p}.${s.slice(0, 8)}${text}${s.slice(8)}`,
  ),
});

const STRAY_TEXT = malformed({
  ...withText(' '),
  ...withText('\n'),
  ...withText('\r\n'),
  ...withText('\t'),
  ...withText('\u0000'),
  ...withText('\ufeff'),
  ...withText('\u200b'),
  ...withText('%2E'),
  ...withText('='),
  ...withText('!'),
});

const bothAlphabets = { '?>?': '?>?', '~~~': '~~~' };
const standard = (text: string) => text.replaceAll('-', '+').replaceAll('_', '/');

const BASE64 = malformed({
  'the standard alphabet in the payload': () => {
    const [header, payload, signature] = rawAssertion(undefined, {
      ...validClaims(),
      ...bothAlphabets,
    }).split('.');
    return `${header}.${standard(payload ?? '')}.${signature}`;
  },
  'the standard alphabet in the signature': () => {
    for (;;) {
      const [header, payload, signature = ''] = rawAssertion().split('.');
      if (/[-_]/.test(signature)) return `${header}.${payload}.${standard(signature)}`;
    }
  },
  'padding on the header': changed(([h, p, s]) => `${padded(h)}.${p}.${s}`),
  'padding on the signature': changed(([h, p, s]) => `${h}.${p}.${padded(s)}`),
  'a length that base64url cannot have': changed(([h, p]) => `${h}.${p}.AAAAA`),
  'stray bits in the last character of the signature (RFC 4648 §3.5)': changed(
    ([h, p, s]) => `${h}.${p}.${withStrayBits(s)}`,
  ),
  'letters that are not ASCII': changed(([h, p, s]) => `${h}.${p}.${s.slice(1)}\u0430`),
  'full-width letters': changed(([h, p, s]) => `${h}.${p}.${s.slice(1)}\uff21`),
});

function padded(segment: string): string {
  return segment.padEnd(segment.length + 4 - (segment.length % 4), '=');
}

/** Another spelling of the same bytes: the last character's unused bits set. */
function withStrayBits(segment: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(segment.slice(-1));
  return `${segment.slice(0, -1)}${alphabet[last + 1]}`;
}

const NOT_OBJECTS = ['null', 'true', '1', '"text"', '[]', '[{"alg":"ES256"}]', '', ' '];
const NOT_JSON = [
  '{',
  '{"alg":"ES256"',
  '{"alg":"ES256",}',
  "{'alg':'ES256'}",
  '{alg:"ES256"}',
  '{"alg":"ES256"}{"alg":"none"}',
  '{"alg":"ES256"}\u0000',
  '\ufeff{"alg":"ES256"}',
  '/* */{"alg":"ES256"}',
  '{"alg":"ES256" //\n}',
  '{"alg":"ES\n256"}',
  '{"alg":"\\x45S256"}',
];

const JSON_TEXTS = malformed(
  Object.fromEntries(
    [...NOT_OBJECTS, ...NOT_JSON].flatMap((text) => [
      [`the header ${JSON.stringify(text)}`, () => rawAssertion(text || Buffer.alloc(0))],
      [`the payload ${JSON.stringify(text)}`, () => rawAssertion(undefined, text)],
    ]),
  ),
);

const bytes = (...values: (string | number)[]): Buffer =>
  Buffer.concat(
    values.map((value) => (typeof value === 'string' ? Buffer.from(value) : Buffer.of(value))),
  );

const UTF8 = malformed(
  Object.fromEntries(
    Object.entries({
      'a lone continuation byte': bytes('{"alg":"ES256","x":"', 0x80, '"}'),
      'an overlong encoding': bytes('{"alg":"ES256","x":"', 0xc0, 0xaf, '"}'),
      'a surrogate in UTF-8': bytes('{"alg":"ES256","x":"', 0xed, 0xa0, 0x80, '"}'),
      'Latin-1': bytes('{"alg":"ES256","x":"', 0xe9, '"}'),
      'UTF-16': Buffer.from('{"alg":"ES256"}', 'utf16le'),
      'a cut character': bytes('{"alg":"ES256","x":"', 0xf0, 0x9f, 0x98),
      'bytes that are no text': Buffer.from('ff00fe01', 'hex'),
    }).flatMap(([name, part]) => [
      [`${name} in the header (RFC 7515 §5.2)`, () => rawAssertion(part)],
      [`${name} in the payload (RFC 7519 §7.2)`, () => rawAssertion(undefined, part)],
    ]),
  ),
);

const OTHER: readonly Attack[] = [
  {
    name: 'a signature of one character more',
    reason: 'signature_invalid',
    assertion: changed((parts) => `${parts.join('.')}A`),
  },
  {
    name: 'a payload that was exchanged after signing',
    reason: 'signature_invalid',
    assertion: changed(([h, , s]) => `${h}.${encoded(validClaims())}.${s}`),
  },
  {
    name: 'a header that was exchanged after signing',
    reason: 'signature_invalid',
    assertion: changed(([, p, s]) => `${encoded({ alg: 'ES256', typ: 'JWT' })}.${p}.${s}`),
  },
  {
    name: 'a signature over the payload alone (RFC 7797)',
    reason: 'signature_invalid',
    assertion: () => {
      const sign = rightSigner(keyPair('ES256'));
      return rawAssertion(undefined, validClaims(), (input) => sign(input.split('.')[1] ?? ''));
    },
  },
  {
    name: 'a signature over the decoded text',
    reason: 'signature_invalid',
    assertion: () => {
      const sign = rightSigner(keyPair('ES256'));
      return rawAssertion(undefined, validClaims(), (input) =>
        sign(Buffer.from(input, 'base64url').toString()),
      );
    },
  },
  {
    name: 'white space within the JSON of header and payload',
    reason: undefined,
    assertion: () =>
      rawAssertion('\r\n { "alg" :\t"ES256" }\n', JSON.stringify(validClaims(), undefined, 2)),
  },
  {
    name: 'letters of all planes in a claim',
    reason: undefined,
    assertion: () => rawAssertion(undefined, { ...validClaims(), note: 'é\u4e2d\u{1f600}\u0000' }),
  },
];

await testAttacks([
  ...SEGMENTS,
  ...SERIALISATION,
  ...STRAY_TEXT,
  ...BASE64,
  ...JSON_TEXTS,
  ...UTF8,
  ...OTHER,
]);
