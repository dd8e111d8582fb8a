import type * as NodeBuffer from 'node:buffer';

// What the decoding of a JWS needs of node:buffer. A page in a browser has the same, made here: no
// file that a browser runs may import from node:.

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

/** The bytes of a text in base64url; none if the text is not base64url. */
function base64urlBytes(text: string): Bytes {
  try {
    return latin1Bytes(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return new Bytes();
  }
}

/** The part of node:buffer that a browser gets. */
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

export type Buffer = NodeBuffer.Buffer;
export const { Buffer, isUtf8 } = (builtin ?? browserBuffer) as typeof NodeBuffer;
