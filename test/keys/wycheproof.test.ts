import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { firstFailure } from '../../lib/assertion/checks/check.js';
import { HEADER_CHECKS } from '../../lib/assertion/checks/header.js';
import type { Secret } from '../../lib/index.js';
import { decodeCompactJws, decodeSegment } from '../../lib/keys/compact-jws.js';
import { findSigner } from '../../lib/keys/find-signer.js';
import { RemoteJwkSets } from '../../lib/keys/jwks-uri.js';
import { KeyCache } from '../../lib/keys/key-cache.js';
import { ALGORITHMS } from '../../lib/shared/jose.js';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly jws: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

interface Vectors {
  readonly testGroups: readonly {
    readonly comment: string;
    readonly public?: object;
    readonly private: object;
    readonly tests: readonly Vector[];
  }[];
}

const read = async (name: string): Promise<Vectors> =>
  JSON.parse(await readFile(new URL(`wycheproof/${name}.json`, import.meta.url), 'utf8'));

const settings = { algorithms: new Set<string>(ALGORITHMS), clockTolerance: 60 };

/**
 * What the pipeline makes of the header and the signature. The payloads of the vectors are no
 * claims, so the decoder is shown an empty object in their place, and the signature step the real
 * signing input.
 */
async function accepts(text: string, secret: Secret): Promise<boolean> {
  const [header = '', payload = '', signature = '', ...more] = text.split('.');
  if (payload !== '' && decodeSegment(payload) === undefined) return false;
  const empty = Buffer.from('{}').toString('base64url');
  const jws = decodeCompactJws([header, empty, signature, ...more].join('.'));
  if (jws === undefined) return false;
  const now = Math.floor(Date.now() / 1000);
  if (firstFailure(HEADER_CHECKS, { jws, claims: jws.claims, settings, now }) !== undefined)
    return false;
  const signed = { ...jws, signingInput: `${header}.${payload}` };
  const keys = { keys: new KeyCache(), certificateValidity: true, jwksUri: new RemoteJwkSets() };
  const query = { jws: signed, secrets: [secret], now, settings: keys };
  const { signer } = await findSigner(query);
  return signer !== undefined;
}

const signatures = await read('json_web_signature_test');
const keySets = await read('json_web_key_test');

const OTHER_ALG =
  'alg of the key is PS256, of the header PS384, and RFC 7517 §4.4 takes it at its word';
const UNKNOWN_ALG = 'alg of the key is ES521, which is no algorithm of RFC 7518';
const LOST = 'the vector has lost what was wrong with it: it is, letter by letter, the valid one';
const CHARACTER = 'a character that is not of the alphabet is refused (RFC 7515 §2)';

const SYMMETRIC =
  'anyone can read a set, so a symmetric key in it is refused: configure the key by itself';

/** The vectors whose result here is another one, and why. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  'JWS 346 of rfc7520': OTHER_ALG,
  'JWS 347 of rfc7520': UNKNOWN_ALG,
  'JWS 350 of rfc7520WithKeyOps': OTHER_ALG,
  'JWS 351 of rfc7520WithKeyOps': UNKNOWN_ALG,
  'JWS 367 of base64': LOST,
  'JWS 370 of base64': LOST,
  'JWS 372 of base64': CHARACTER,
  'JWS 373 of base64': CHARACTER,
  'JWK Set 2.2 of jws_keyset': SYMMETRIC,
  'JWK Set 12.13 of HS256': SYMMETRIC,
  'JWK Set 13.14 of HS384': SYMMETRIC,
  'JWK Set 14.15 of HS512': SYMMETRIC,
};

for (const group of signatures.testGroups) {
  const key = (group.public ?? group.private) as { kty: string };
  for (const { tcId, comment, jws, result } of group.tests) {
    const id = `JWS ${tcId} of ${group.comment}`;
    const deviation = DEVIATIONS[id];
    const name = deviation === undefined ? `is ${result}` : `is not ${result}: ${deviation}`;
    test(`${id} (${comment}) ${name}`, async () => {
      const accepted = await accepts(jws, { type: 'JsonWebKey', value: key });
      assert.equal(accepted, (result !== 'invalid') === (deviation === undefined));
    });
  }
}

keySets.testGroups.forEach((group, index) => {
  const keys = (group.public ?? group.private) as { keys: { kty: string }[] };
  for (const { tcId, comment, jws, result } of group.tests) {
    const id = `JWK Set ${index + 1}.${tcId} of ${group.comment}`;
    const deviation = DEVIATIONS[id];
    const name = deviation === undefined ? `is ${result}` : `is not ${result}: ${deviation}`;
    test(`${id} (${comment}) ${name}`, async () => {
      const accepted = await accepts(jws, { type: 'JsonWebKeySet', value: keys });
      assert.equal(accepted, (result !== 'invalid') === (deviation === undefined));
    });
  }
});
