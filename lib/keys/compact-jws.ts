import type * as NodeBuffer from 'node:buffer';

// The part of node:buffer that decoding a JWS needs, implemented again for browsers: no file that a
// browser runs may import from node:.

type Encoding = 'base64url' | 'latin1' | 'utf8';

const unsupported = (encoding: never): never => {
  throw new Error(`The encoding ${encoding} is not supported here.`);
};

class Bytes extends Uint8Array {
  override toString(encoding: Encoding = 'utf8'): string {
    if (encoding === 'utf8') return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this);
    const text = Array.from(this, (byte) => String.fromCharCode(byte)).join('');
    if (encoding === 'latin1') return text;
    if (encoding !== 'base64url') return unsupported(encoding);
    return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  }
}

const latin1Bytes = (text: string): Bytes =>
  Bytes.from(text, (character) => character.charCodeAt(0)) as Bytes;

function base64urlBytes(text: string): Bytes {
  try {
    return latin1Bytes(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return new Bytes();
  }
}

export const browserBuffer = {
  Buffer: {
    from(text: string, encoding: Encoding): Bytes {
      if (encoding === 'base64url') return base64urlBytes(text);
      if (encoding === 'latin1') return latin1Bytes(text);
      if (encoding === 'utf8') return new Bytes(new TextEncoder().encode(text));
      return unsupported(encoding);
    },
  },
  isUtf8(bytes: Uint8Array): boolean {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      return true;
    } catch {
      return false;
    }
  },
};

const builtin = globalThis.process?.getBuiltinModule?.('buffer');

type Buffer = NodeBuffer.Buffer;
const { Buffer, isUtf8 } = (builtin ?? browserBuffer) as typeof NodeBuffer;

export type JsonObject = Readonly<Record<string, unknown>>;

/** RFC 7515 §3.1. Not verified yet. */
export interface CompactJws {
  /** The first two segments with their dot (RFC 7515 §5.1). */
  readonly signingInput: string;
  readonly signature: Buffer;
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** Canonical spelling only (RFC 7515 §2): in Node, one signature has several spellings. */
export function decodeSegment(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return segment !== '' && bytes.toString('base64url') === segment ? bytes : undefined;
}

function decodeObject(segment: string): JsonObject | undefined {
  const bytes = decodeSegment(segment);
  if (bytes === undefined || !isUtf8(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

/** By segment: all assertions of a client have the same header. */
const headers = new Map<string, JsonObject>();
const MAX_HEADERS = 1000;
const MAX_HEADER_LENGTH = 512;

const isFlat = (object: JsonObject): boolean =>
  Object.values(object).every((value) => typeof value !== 'object');

function decodeHeader(segment: string): JsonObject | undefined {
  const known = headers.get(segment);
  if (known !== undefined) return known;
  const header = decodeObject(segment);
  if (header !== undefined && segment.length <= MAX_HEADER_LENGTH && isFlat(header)) {
    if (headers.size >= MAX_HEADERS) headers.clear();
    // Frozen, because it is shared from now on. The key is a copy, because a segment is a slice
    // that would keep the whole request in memory.
    headers.set(Buffer.from(segment, 'latin1').toString('latin1'), Object.freeze(header));
  }
  return header;
}

/** Never throws. Undefined unless header and payload are JSON objects in UTF-8. */
export function decodeCompactJws(text: string): CompactJws | undefined {
  const headerEnd = text.indexOf('.');
  const payloadEnd = text.indexOf('.', headerEnd + 1);
  if (payloadEnd === -1) return undefined;
  // A fourth segment fails here too, because its dot is not base64url.
  const signature = decodeSegment(text.slice(payloadEnd + 1));
  if (signature === undefined) return undefined;
  const header = decodeHeader(text.slice(0, headerEnd));
  if (header === undefined) return undefined;
  const claims = decodeObject(text.slice(headerEnd + 1, payloadEnd));
  if (claims === undefined) return undefined;
  return { signingInput: text.slice(0, payloadEnd), signature, header, claims };
}

/** RFC 7518 §3.2. */
export const isSymmetric = (alg: unknown): boolean =>
  typeof alg === 'string' && alg.startsWith('HS');

/** OpenID Connect Core §9. */
export const methodOf = (alg: unknown): 'private_key_jwt' | 'client_secret_jwt' =>
  isSymmetric(alg) ? 'client_secret_jwt' : 'private_key_jwt';
