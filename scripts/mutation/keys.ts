import crypto, { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

/** The types whose generation takes a tenth of a second and more. */
const SLOW = ['rsa', 'rsa-pss', 'dsa'];

type Generate = (type: string, options?: object) => { publicKey: KeyObject; privateKey: KeyObject };

/**
 * Makes `generateKeyPairSync` remember slow key pairs, in a folder that several processes use one after
 * the other: the first call with some options always gives the same key, the second call another one.
 * The function that is returned starts the counting anew.
 */
export function rememberKeys(folder: string): () => void {
  const generate = crypto.generateKeyPairSync as Generate;
  const calls = new Map<string, number>();
  const pairs = new Map<string, ReturnType<Generate>>();

  function remembered(name: string, create: () => ReturnType<Generate>): ReturnType<Generate> {
    const file = join(folder, name);
    if (!existsSync(file)) {
      const pair = create();
      writeFileSync(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
      return pair;
    }
    const privateKey = createPrivateKey(readFileSync(file));
    return { privateKey, publicKey: createPublicKey(privateKey) };
  }

  const generateKeyPairSync: Generate = (type, options = {}) => {
    const isEncoded = 'publicKeyEncoding' in options || 'privateKeyEncoding' in options;
    if (!SLOW.includes(type) || isEncoded) return generate(type, options);
    const what = JSON.stringify([type, options], (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    const call = calls.get(what) ?? 0;
    calls.set(what, call + 1);
    const name = createHash('sha256').update(`${what} ${call}`).digest('hex');
    const pair = pairs.get(name) ?? remembered(name, () => generate(type, options));
    pairs.set(name, pair);
    return pair;
  };
  Object.assign(crypto, { generateKeyPairSync });
  syncBuiltinESMExports();
  return () => calls.clear();
}
