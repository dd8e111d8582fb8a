import { Buffer, isUtf8 } from 'node:buffer';

/** A JSON object whose members nobody has looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A JWS in compact serialization (RFC 7515 §3.1), decoded and not yet trusted. */
export interface CompactJws {
  /** What the signature is over: the first two segments with their dot (RFC 7515 §5.1). */
  readonly signingInput: string;
  /** The third segment, in base64url. */
  readonly signature: string;
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/**
 * Exactly the canonical encodings of RFC 7515 §2: base64url without padding, and no stray bits in
 * the last character, so that one signature has one spelling.
 */
export const BASE64URL = /^(?:[\w-]{4})*(?:[\w-]{4}|[\w-]{2}[AEIMQUYcgkosw048]|[\w-][AQgw])$/;

function decodeObject(segment: string): JsonObject | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  if (!isUtf8(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Takes a compact JWS apart, once.
 *
 * @returns the decoded parts, or undefined where the text is anything else than three non-empty
 *   base64url segments of which the first two are JSON objects in UTF-8. Never throws.
 */
export function decodeCompactJws(text: string): CompactJws | undefined {
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  if (first < 1 || second < 0) return undefined;

  const encodedHeader = text.slice(0, first);
  const payload = text.slice(first + 1, second);
  const signature = text.slice(second + 1);
  if (!BASE64URL.test(encodedHeader) || !BASE64URL.test(payload) || !BASE64URL.test(signature)) {
    return undefined;
  }

  const header = decodeObject(encodedHeader);
  if (header === undefined) return undefined;
  const claims = decodeObject(payload);
  if (claims === undefined) return undefined;
  return { signingInput: text.slice(0, second), signature, header, claims };
}
