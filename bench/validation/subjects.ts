import { createHmac, verify, webcrypto } from 'node:crypto';
import { jwtVerify } from 'jose';
import {
  type AssertionClient,
  CLIENT_ASSERTION_TYPE,
  ClientAssertionValidator,
  MemoryReplayStore,
  type ReplayEntry,
} from 'passport-private-key-jwt';
import {
  CLIENT_ID,
  digestOf,
  ISSUER,
  type Keys,
  type SignedBytes,
  signatureOptions,
  TOKEN_ENDPOINT,
} from '../assertions.js';

function must(valid: boolean): void {
  if (!valid) throw new Error('A valid signature was refused.');
}

/** `crypto.verify` on the thread pool, of bytes that are there already. */
export function rawVerify({ alg, verifying }: Keys): (signed: SignedBytes) => unknown {
  if (alg === 'HS256') {
    return ({ data, signature }) =>
      must(createHmac('sha256', verifying).update(data).digest().equals(signature));
  }
  const digest = digestOf(alg);
  const key = signatureOptions(alg, verifying);
  return ({ data, signature }) =>
    new Promise<void>((resolve, reject) => {
      verify(digest, data, key, signature, (error, valid) =>
        valid ? resolve() : reject(error ?? new Error('A valid signature was refused.')),
      );
    });
}

export const SUBTLE = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
  ES256: { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
  HS256: { name: 'HMAC', hash: 'SHA-256' },
} as const;

const importKey = ({ alg, verifying }: Keys) =>
  webcrypto.subtle.importKey('jwk', verifying.export({ format: 'jwk' }), SUBTLE[alg], true, [
    'verify',
  ]);

/** `crypto.subtle.verify`. */
export async function subtleVerify(keys: Keys): Promise<(signed: SignedBytes) => Promise<void>> {
  const key = await importKey(keys);
  const algorithm = SUBTLE[keys.alg];
  return async ({ data, signature }) =>
    must(await webcrypto.subtle.verify(algorithm, key, signature, data));
}

/** `jose.jwtVerify` with the key as it likes it best. */
export async function joseVerify(keys: Keys): Promise<(assertion: string) => Promise<unknown>> {
  const key = await importKey(keys);
  const options = { issuer: CLIENT_ID, subject: CLIENT_ID, audience: ISSUER };
  return (assertion) => jwtVerify(assertion, key, options);
}

/** The library's validator; `reset` forgets what was used. */
export function validation(findClient: (clientId: string) => AssertionClient | undefined) {
  let store = new MemoryReplayStore();
  const replay = { insert: (entry: ReplayEntry) => store.insert(entry) };
  const validator = new ClientAssertionValidator({ replay }, findClient);
  return {
    reset: () => {
      store = new MemoryReplayStore();
    },
    validate: (client_assertion: string) =>
      validator.validate({
        issuer: ISSUER,
        tokenEndpoint: TOKEN_ENDPOINT,
        parameters: {
          client_assertion,
          client_assertion_type: CLIENT_ASSERTION_TYPE,
        },
      }),
  };
}

/** A client with one key. */
export const clientWith = ({ jwk }: Keys, clientId = CLIENT_ID): AssertionClient => ({
  clientId,
  secrets: [{ type: 'JsonWebKey', value: jwk }],
});
