import { randomBytes } from 'node:crypto';

/** A value that cannot be guessed (RFC 6749 §10.10): 256 bits in base64url. */
export const randomToken = (): string => randomBytes(32).toString('base64url');
