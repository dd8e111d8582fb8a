import { Buffer } from 'node:buffer';
import type { Sign } from './signatures.js';

/** The header of a JWS. */
export type Header = Readonly<Record<string, unknown>>;

/** A header, and how it is written in a JWS. */
export interface WrittenHeader {
  readonly parameters: Header;
  readonly segment: string;
}

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export const writeHeader = (parameters: Header): WrittenHeader => ({
  parameters,
  segment: segment(parameters),
});

const base64url = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64url');

/** A compact JWS of claims (RFC 7515 §5.1). */
export async function compactJws(
  header: WrittenHeader,
  claims: object,
  sign: Sign,
): Promise<string> {
  const signingInput = `${header.segment}.${segment(claims)}`;
  const signature = await sign(Buffer.from(signingInput, 'latin1'));
  return `${signingInput}.${base64url(signature)}`;
}
