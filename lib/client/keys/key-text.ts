import { Buffer } from 'node:buffer';

export interface PemBlock {
  readonly label: string;
  /** In lines of 64 characters. */
  readonly pem: string;
  readonly base64: string;
}

const BYTE_ORDER_MARK = /^\uFEFF/;

/** Line ends that were escaped once or more. Base64 contains no backslash. */
const ESCAPED_LINE_ENDS = /(?<!\\)\\+(?:r\\+n|[rn]|\r?\n)/g;

const BASE64 = /^[\w+/=-]+$/;

const MAX_WRAPPINGS = 5;

const DER_SEQUENCE = 0x30;

/** X.690 §8.1.3. */
function isWholeDer(bytes: Buffer): boolean {
  const [tag, first = 0] = bytes;
  if (tag !== DER_SEQUENCE || bytes.length < 2) return false;
  const size = first < 0x80 ? 0 : first & 0x7f;
  if (size > 4 || bytes.length < 2 + size) return false;
  const length = size === 0 ? first : bytes.readUIntBE(2, size);
  return bytes.length === 2 + size + length;
}

function parsedString(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function unquoted(text: string): string | undefined {
  const quote = text[0] ?? '';
  if (text.length < 2 || !`"'\``.includes(quote) || !text.endsWith(quote)) return undefined;
  return parsedString(text) ?? text.slice(1, -1);
}

function decoded(text: string): Buffer | undefined {
  const compact = text.replace(/\s/g, '');
  if (!BASE64.test(compact)) return undefined;
  const bytes = Buffer.from(compact, 'base64');
  const start = bytes.subarray(0, 512).toString('utf8');
  const isKey = start.includes('-----BEGIN') || /^\s*["'{]/.test(start);
  const isBase64 = start.length > 40 && BASE64.test(start.replace(/\s/g, ''));
  return isWholeDer(bytes) || isKey || isBase64 ? bytes : undefined;
}

export function textOf(bytes: Uint8Array): string | Buffer {
  if (bytes[0] === DER_SEQUENCE) return Buffer.from(bytes);
  const isUtf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (!isUtf16) return Buffer.from(bytes).toString('utf8');
  return new TextDecoder(bytes[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes);
}

/** Environment variables and vaults add quotes, JSON strings, base64 or escaped line ends. */
export function unwrapped(content: string, wrappings = MAX_WRAPPINGS): string | Buffer {
  const text = content.replace(BYTE_ORDER_MARK, '').trim();
  if (wrappings === 0 || text === '') return text;
  const inner = unquoted(text) ?? (text.startsWith('{\\"') ? parsedString(`"${text}"`) : undefined);
  if (inner !== undefined) return unwrapped(inner, wrappings - 1);
  if (text.startsWith('{')) return text;
  if (text.includes('-----BEGIN')) {
    return text.replace(ESCAPED_LINE_ENDS, '\n').replace(/\r\n?/g, '\n');
  }
  const bytes = decoded(text.replace(ESCAPED_LINE_ENDS, '\n'));
  if (bytes === undefined) return text;
  const of = textOf(bytes);
  return typeof of === 'string' ? unwrapped(of, wrappings - 1) : of;
}

/** The headers of an encrypted PKCS#1 or SEC1 key (RFC 1421 §4.6), even on one line. */
const HEADERS = /(?:Proc-Type|DEK-Info):\s*[\w-]+,(?:ENCRYPTED|[\dA-Fa-f]{16,32}(?![\w+/=]))/g;

function blockOf(label: string, content: string): PemBlock {
  const headers = content.match(HEADERS) ?? [];
  const base64 = content
    .replace(HEADERS, '')
    .split('\n')
    .filter((line) => !line.includes(':'))
    .join('')
    .replace(/\s/g, '');
  const body = [
    ...(headers.length === 0 ? [] : [...headers, '']),
    ...(base64.match(/.{1,64}/g) ?? []),
  ];
  const pem = [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`, ''].join('\n');
  return { label, pem, base64 };
}

/** Text between them, indentation and joined lines are tolerated. */
export const pemBlocks = (text: string): readonly PemBlock[] =>
  [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([\s\S]*?)-----END \1-----/g)].map(
    ([, label = '', content = '']) => blockOf(label, content),
  );
