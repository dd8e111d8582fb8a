import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

/** A key of the server, and its public half as it is published. */
export interface ServerKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** The keys that the server signs with. */
export interface ServerKeys {
  /** RS256, which every OpenID Connect client takes (OpenID Connect Core §15.1); ES256 in FAPI 2.0. */
  readonly idToken: ServerKey;
  /** ES256: small and quick. */
  readonly accessToken: ServerKey;
}

async function newKey(alg: string): Promise<ServerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  const kid = randomUUID();
  return {
    alg,
    kid,
    privateKey,
    publicKey,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
  };
}

/** New keys: they live as long as this process. FAPI 2.0 §5.4.1 rules RS256 out. */
export async function newServerKeys(profile?: 'fapi2'): Promise<ServerKeys> {
  const idTokenAlg = profile === 'fapi2' ? 'ES256' : 'RS256';
  const [idToken, accessToken] = await Promise.all([newKey(idTokenAlg), newKey('ES256')]);
  return { idToken, accessToken };
}

/** The JWK Set that the server publishes (RFC 7517 §5). */
export const jwkSetOf = ({ idToken, accessToken }: ServerKeys): { keys: JWK[] } => ({
  keys: [idToken.publicJwk, accessToken.publicJwk],
});
