import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pemBlocks, textOf, unwrapped } from '../../../lib/client/keys/key-text.js';

// The text of keys and certificates, before anything reads a key from it.

const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64');
const pemOf = (label: string, ...lines: readonly string[]) =>
  [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
const PEM = pemOf('PRIVATE KEY', 'AAAA', 'BBBB').trim();
const JSON_TEXT = '{"kty":"EC"}';

const utf16 = (text: string) => Buffer.from(text, 'utf16le');

for (const [what, bytes, text] of [
  ['UTF-8', Buffer.from('ä'), 'ä'],
  ['UTF-16 with the low byte first', utf16('\uFEFFä'), 'ä'],
  ['UTF-16 with the high byte first', utf16('\uFEFFä').swap16(), 'ä'],
  ['a first byte of UTF-16 alone', Buffer.of(0xff, 0x41), '\uFFFDA'],
  ['the other first byte of UTF-16 alone', Buffer.of(0xfe, 0x41), '\uFFFDA'],
  ['both first bytes of UTF-16 alike', Buffer.of(0xff, 0xff, 0x41), '\uFFFD\uFFFDA'],
  ['a last byte of UTF-16 alone', Buffer.of(0x41, 0xfe), 'A\uFFFD'],
] as const) {
  test(`bytes are read as text: ${what}`, () => {
    assert.equal(textOf(bytes), text);
  });
}

test('bytes that start as DER are not read as text (X.690 §8.1.2)', () => {
  const der = Buffer.from('3000', 'hex');
  assert.deepEqual(textOf(der), der);
});

/** What was given, and what is in it. */
const WRAPPED: readonly (readonly [what: string, outer: string, inner: string])[] = [
  ['nothing', '', ''],
  ['blanks', ' \n\t', ''],
  ['a byte order mark', '\uFEFFab', 'ab'],
  ['a byte order mark in the middle', 'a\uFEFFb', 'a\uFEFFb'],
  ['double quotes', '"a b"', 'a b'],
  ['single quotes', "'a b'", 'a b'],
  ['backticks', '`a b`', 'a b'],
  ['quotes within quotes', `"'a b'"`, 'a b'],
  ['nothing in quotes', '""', ''],
  ['a quote alone', '"', '"'],
  ['a quote at the start', '"a b', '"a b'],
  ['a quote at the end', 'a b"', 'a b"'],
  ['two kinds of quotes', `"a b'`, `"a b'`],
  ['other characters around it', 'xa bx', 'xa bx'],
  ['a JSON string with escapes', '"a\\tb\\u0020c"', 'a\tb c'],
  ['quotes around what is no JSON string', '"a\\qb"', 'a\\qb'],
  ['a JSON string of five layers', layers('a b', 5), 'a b'],
  ['a JSON string of six layers', layers('a b', 6), layers('a b', 1)],
  ['JSON', JSON_TEXT, JSON_TEXT],
  ['JSON whose quotes are escaped', JSON_TEXT.replaceAll('"', '\\"'), JSON_TEXT],
  ['JSON whose quotes are escaped in part', '{\\"kty":"EC"}', '{\\"kty":"EC"}'],
  [
    'JSON with a PEM',
    `{"a":"${PEM.replaceAll('\n', '\\n')}"}`,
    `{"a":"${PEM.replaceAll('\n', '\\n')}"}`,
  ],
  ['JSON in base64', base64(JSON_TEXT), JSON_TEXT],
  ['indented JSON in base64', base64(` \n${JSON_TEXT}`), JSON_TEXT],
  ['a JSON string in base64', base64('"a b"'), 'a b'],
  ['single quotes in base64', base64("'a b'"), 'a b'],
  ['PEM in base64', base64(`# a key\n${PEM}`), `# a key\n${PEM}`],
  ['PEM in base64 with escaped line ends', base64(PEM).replace(/.{8}/g, '$&\\n'), PEM],
  ['PEM in base64 with lines', base64(PEM).replace(/.{8}/g, '$&\r\n'), PEM],
  ['PEM in base64url', Buffer.from(`${PEM} ü>?`).toString('base64url'), `${PEM} ü>?`],
  ['PEM in base64 twice', base64(base64(PEM)), PEM],
  ['a word', 'MISSING', 'MISSING'],
  ['other text in base64', base64('hello'), base64('hello')],
  ['40 letters in base64', base64('a'.repeat(40)), base64('a'.repeat(40))],
  ['a sentence in base64', base64('a b, '.repeat(20)), base64('a b, '.repeat(20))],
  ['41 letters in base64', base64('a'.repeat(41)), 'a'.repeat(41)],
  ['42 letters with lines in base64', base64('abcdef\n'.repeat(7)), 'abcdef\n'.repeat(7).trim()],
  ['what is no base64', '=*=', '=*='],
  ['what ends as base64', '* AAAA', '* AAAA'],
  ['what starts as base64', 'AAAA *', 'AAAA *'],
];

function layers(text: string, count: number): string {
  return count === 0 ? text : layers(JSON.stringify(text), count - 1);
}

for (const [what, outer, inner] of WRAPPED) {
  test(`the content of a variable is found: ${what}`, () => {
    assert.equal(unwrapped(outer), inner);
  });
}

for (const [what, end] of [
  ['CR and LF', '\r\n'],
  ['CR', '\r'],
  ['\\n', '\\n'],
  ['\\r', '\\r'],
  ['\\r\\n', '\\r\\n'],
  ['\\n escaped twice', '\\\\n'],
  ['\\r\\n escaped twice', '\\\\r\\\\n'],
  ['\\n escaped three times', '\\\\\\\\n'],
  ['a backslash at the end of each line', '\\\n'],
  ['a backslash before CR and LF', '\\\r\n'],
] as const) {
  test(`the line ends of a PEM may be ${what}`, () => {
    assert.equal(unwrapped(PEM.replaceAll('\n', end)), PEM);
  });
}

const filled = (header: string, length: number) =>
  Buffer.concat([Buffer.from(header, 'hex'), Buffer.alloc(length, 1)]);

/** Base64 of bytes, and whether the bytes are one element of DER. */
for (const [what, bytes, isDer] of [
  ['a short length', filled('3003', 3), true],
  ['a short length of 127', filled('307f', 127), true],
  ['a length in one byte', filled('3081ff', 255), true],
  ['a length in two bytes', filled('30820100', 256), true],
  ['a length in three bytes', filled('3083000100', 256), true],
  ['a length in four bytes', filled('308400000100', 256), true],
  ['no content', filled('3000', 0), true],
  ['a length in five bytes', filled('30850000000100', 256), false],
  ['a byte too many', filled('3003', 4), false],
  ['a byte missing', filled('3003', 2), false],
  ['a long length and a byte too many', filled('30820100', 257), false],
  ['another tag', filled('3103', 3), false],
  ['a tag alone', filled('30', 0), false],
  ['a length that is cut off', filled('308201', 0), false],
] as const) {
  test(`base64 of bytes with ${what} is ${isDer ? 'DER' : 'a word'} (X.690 §8.1.3)`, () => {
    assert.deepEqual(unwrapped(base64(bytes)), isDer ? bytes : base64(bytes));
  });
}

const PROC_TYPE = 'Proc-Type: 4,ENCRYPTED';
const DEK_INFO = 'DEK-Info: AES-256-CBC,0123456789ABCDEF0123456789abcdef';
const RSA = 'RSA PRIVATE KEY';

/** A text, and the label, base64 and normal form of each block in it (RFC 7468 §2). */
const BLOCKS: readonly (readonly [
  string,
  string,
  readonly (readonly [string, string, string])[],
])[] = [
  ['none', 'AAAA', []],
  ['one', PEM, [['PRIVATE KEY', 'AAAABBBB', pemOf('PRIVATE KEY', 'AAAABBBB')]]],
  [
    'two, with text around them',
    `before\n${PEM}\nbetween\n${pemOf('X509 CRL', 'CCCC')}after`,
    [
      ['PRIVATE KEY', 'AAAABBBB', pemOf('PRIVATE KEY', 'AAAABBBB')],
      ['X509 CRL', 'CCCC', pemOf('X509 CRL', 'CCCC')],
    ],
  ],
  [
    'one that is indented, with blanks in its lines',
    pemOf('PUBLIC KEY', '  AA AA', '\tBBBB '),
    [['PUBLIC KEY', 'AAAABBBB', pemOf('PUBLIC KEY', 'AAAABBBB')]],
  ],
  [
    'one on a long line',
    pemOf('CERTIFICATE', 'A'.repeat(130)),
    [['CERTIFICATE', 'A'.repeat(130), pemOf('CERTIFICATE', 'A'.repeat(64), 'A'.repeat(64), 'AA')]],
  ],
  ['an empty one', pemOf('CERTIFICATE'), [['CERTIFICATE', '', pemOf('CERTIFICATE')]]],
  [
    'one with an unknown header',
    pemOf('CERTIFICATE', 'Comment: a key', 'AAAA'),
    [['CERTIFICATE', 'AAAA', pemOf('CERTIFICATE', 'AAAA')]],
  ],
  [
    'an encrypted one (RFC 1421 §4.6)',
    pemOf(RSA, PROC_TYPE, DEK_INFO, '', 'AAAA'),
    [[RSA, 'AAAA', pemOf(RSA, PROC_TYPE, DEK_INFO, '', 'AAAA')]],
  ],
  [
    'an encrypted one on one line',
    pemOf(RSA, `${PROC_TYPE} ${DEK_INFO} AAAA BBBB`),
    [[RSA, 'AAAABBBB', pemOf(RSA, PROC_TYPE, DEK_INFO, '', 'AAAABBBB')]],
  ],
  [
    'an encrypted one with a short vector and no blanks after the colons',
    pemOf(RSA, 'Proc-Type:4,ENCRYPTED', 'DEK-Info:DES-CBC,0123456789abcdef', '', 'AAAA'),
    [
      [
        RSA,
        'AAAA',
        pemOf(RSA, 'Proc-Type:4,ENCRYPTED', 'DEK-Info:DES-CBC,0123456789abcdef', '', 'AAAA'),
      ],
    ],
  ],
  [
    'one whose vector and base64 are joined',
    pemOf(RSA, `${DEK_INFO}xAAAA`, 'BBBB'),
    [[RSA, 'BBBB', pemOf(RSA, 'BBBB')]],
  ],
  ['one that ends with another label', PEM.replace('END PRIVATE', 'END PUBLIC'), []],
  ['one without an end', PEM.slice(0, 40), []],
  ['one with a label in small letters', pemOf('private key', 'AAAA'), []],
  ['one with an empty label', pemOf('', 'AAAA'), []],
  ['one with a label of 41 letters', pemOf('A'.repeat(41), 'AAAA'), []],
];

for (const [what, text, blocks] of BLOCKS) {
  test(`the blocks of a PEM are found: ${what}`, () => {
    assert.deepEqual(
      pemBlocks(text),
      blocks.map(([label, base64, pem]) => ({ label, pem, base64 })),
    );
  });
}
