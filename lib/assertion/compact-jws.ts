import { Buffer, isUtf8 } from 'node:buffer';

/** A JSON object whose members nobody has looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A JWS in compact serialization (RFC 7515 §3.1), decoded and not yet trusted. */
export interface CompactJws {
  /** What the signature is over: the first two segments with their dot (RFC 7515 §5.1). */
  readonly signingInput: string;
  readonly signature: Buffer;
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/**
 * The bytes of a segment in base64url, without padding (RFC 7515 §2). Only the one canonical
 * spelling counts: Node reads others too, and with them one signature would have several.
 */
export function decodeSegment(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return segment !== '' && bytes.toString('base64url') === segment ? bytes : undefined;
}

function parseObject(bytes: Buffer | undefined): JsonObject | undefined {
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

/**
 * Takes a compact JWS apart, once.
 *
 * @returns the decoded parts, or undefined where the text is anything else than three non-empty
 *   base64url segments of which the first two are JSON objects in UTF-8. Never throws.
 */
export function decodeCompactJws(text: string): CompactJws | undefined {
  const [encodedHeader = '', payload = '', encodedSignature = '', fourth] = text.split('.', 4);
  if (fourth !== undefined) return undefined;
  const signature = decodeSegment(encodedSignature);
  if (signature === undefined) return undefined;
  const header = parseObject(decodeSegment(encodedHeader));
  if (header === undefined) return undefined;
  const claims = parseObject(decodeSegment(payload));
  if (claims === undefined) return undefined;
  return { signingInput: `${encodedHeader}.${payload}`, signature, header, claims };
}
