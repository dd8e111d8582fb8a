import { createHmac, type KeyObject, sign, webcrypto } from 'node:crypto';
import { PrivateKeyJwt } from 'openid-client';
import { AssertionService } from 'passport-private-key-jwt/client';
import {
  CLIENT_ID,
  digestOf,
  ISSUER,
  type Keys,
  type MeasuredAlgorithm,
  newAssertion,
  newKeys,
  signatureOptions,
  signedBytes,
} from './assertions.js';
import { type Cost, costInFlight } from './harness/in-flight.js';
import { type Answer, atLeast, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { SUBTLE } from './validation/subjects.js';

const IN_FLIGHT = [1, 64] as const;
/** RSA signs so slowly that fewer are enough. */
const COUNTS: Readonly<Record<string, number>> = {
  RS256: 400,
  PS256: 400,
  ES256: 3000,
  EdDSA: 3000,
};

const NAMES = {
  ours: 'createClientToken',
  peer: "openid-client's PrivateKeyJwt",
  crypto: 'crypto.sign alone',
  subtle: 'crypto.subtle.sign alone',
} as const;

type Name = keyof typeof NAMES;

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

function rawSign(alg: MeasuredAlgorithm, key: KeyObject, data: Buffer): () => unknown {
  if (alg === 'HS256') return () => createHmac('sha256', key).update(data).digest();
  const digest = digestOf(alg);
  const options = signatureOptions(alg, key);
  return () =>
    new Promise((resolve, reject) => {
      sign(digest, data, options, (error, signature) =>
        error === null ? resolve(signature) : reject(error),
      );
    });
}

const privateCryptoKey = ({ alg, signing }: Keys) =>
  webcrypto.subtle.importKey('jwk', signing.export({ format: 'jwk' }), SUBTLE[alg], true, ['sign']);

async function subjectsFor(alg: MeasuredAlgorithm): Promise<Record<Name, () => unknown>> {
  const keys = newKeys(alg);
  const key = await privateCryptoKey(keys);
  const { data } = signedBytes(newAssertion(keys));
  const service = new AssertionService({ clientId: CLIENT_ID, key: keys.signing, issuer: ISSUER });
  const clientAuth = PrivateKeyJwt({ key, kid: String(keys.jwk['kid']) });
  const server = { issuer: ISSUER };
  const client = { client_id: CLIENT_ID };
  return {
    ours: () => service.createClientToken(),
    peer: () => clientAuth(server, client, new URLSearchParams(), new Headers()),
    crypto: rawSign(alg, keys.signing, data),
    subtle: () => webcrypto.subtle.sign(SUBTLE[alg], key, data),
  };
}

/** What an assertion costs the client. */
export async function question({ rounds, scale }: Effort): Promise<Answer> {
  const all = new Map<string, Record<Name, Cost>>();
  for (const alg of ALGORITHMS) {
    const subjects = await subjectsFor(alg);
    const count = Math.ceil((COUNTS[alg] ?? 0) * scale);
    const names = Object.keys(NAMES) as Name[];
    for (const inFlight of IN_FLIGHT) {
      const measure = async (name: Name): Promise<Record<keyof Cost, number>> => ({
        ...(await costInFlight(subjects[name], count, inFlight)),
      });
      for (const name of names) await measure(name);
      all.set(`${alg} ${inFlight}`, await alternate(rounds, names, measure));
    }
  }
  const costs = (alg: string, inFlight: number) =>
    all.get(`${alg} ${inFlight}`) as Record<Name, Cost>;
  const combinations = ALGORITHMS.flatMap((alg) =>
    IN_FLIGHT.map((inFlight) => ({ alg, inFlight, ...costs(alg, inFlight) })),
  );
  return {
    title: 'Signing',
    text: [
      "A whole assertion, beside what openid-client's own `PrivateKeyJwt` does for it, and beside the signature alone over bytes that are there already.",
    ],
    targets: combinations.flatMap(({ alg, inFlight, ours, peer, crypto, subtle }) => [
      atLeast(
        `${alg}, ${inFlight} in flight: assertions a second / those of PrivateKeyJwt`,
        peer.wall / ours.wall,
        1,
      ),
      atLeast(
        `${alg}, ${inFlight} in flight: assertions a second / signatures of the faster raw sign`,
        Math.min(crypto.wall, subtle.wall) / ours.wall,
        0.9,
      ),
    ]),
    tables: [
      {
        caption: 'A second (and µs of processor time each)',
        head: ['', ...combinations.map(({ alg, inFlight }) => `${alg}, ${inFlight} in flight`)],
        rows: (Object.keys(NAMES) as Name[]).map((name) => [
          NAMES[name],
          ...combinations.map((costs) => {
            const { wall, cpu } = costs[name];
            return `${Math.round(1e6 / wall).toLocaleString('en')} (${cpu.toFixed(0)})`;
          }),
        ]),
      },
    ],
  };
}
