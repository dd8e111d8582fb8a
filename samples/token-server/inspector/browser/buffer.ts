// What the library's decoder needs of node:buffer, in a browser.

type Encoding = 'base64url' | 'latin1' | 'utf8';

const unsupported = (encoding: never): never => {
  throw new Error(`The encoding ${encoding} is not supported here.`);
};

const latin1Text = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

class Bytes extends Uint8Array {
  override toString(encoding: Encoding = 'utf8'): string {
    if (encoding === 'utf8') return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this);
    const text = latin1Text(this);
    if (encoding === 'latin1') return text;
    if (encoding !== 'base64url') return unsupported(encoding);
    return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  }
}

/** The bytes that the characters of a text stand for, none of which is beyond 255. */
const latin1Bytes = (text: string): Bytes =>
  Bytes.from(text, (character) => character.charCodeAt(0)) as Bytes;

/** The bytes of a text in base64url; none where it is not such a text. */
function base64urlBytes(text: string): Bytes {
  try {
    return latin1Bytes(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return new Bytes();
  }
}

export const Buffer = {
  from(text: string, encoding: Encoding): Bytes {
    if (encoding === 'base64url') return base64urlBytes(text);
    if (encoding === 'latin1') return latin1Bytes(text);
    if (encoding === 'utf8') return new Bytes(new TextEncoder().encode(text));
    return unsupported(encoding);
  },
};

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
