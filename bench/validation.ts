import {
  MEASURED_ALGORITHMS,
  type MeasuredAlgorithm,
  newAssertion,
  newKeys,
  signedBytes,
} from './assertions.js';
import { type Cost, costInFlight } from './harness/in-flight.js';
import { type Answer, atLeast, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { oidcProviderAuthentication } from './validation/oidc-provider.js';
import { jwtBearerClientAuth, passportOauth2JwtBearer } from './validation/peers.js';
import {
  clientWith,
  joseVerify,
  rawVerify,
  subtleVerify,
  validation,
} from './validation/subjects.js';

const WARM_UPS = 3;
const IN_FLIGHT = [1, 16, 64] as const;
const ASSERTIONS = 3000;
/** The turns of each subject in a round: single ones differ by a tenth. */
const TURNS = 3;
/** Of the assertions, what a peer gets that needs new ones each time. */
const FOR_PROVIDER = 1 / 4;

const NAMES = {
  ours: 'full validation',
  crypto: 'crypto.verify alone',
  subtle: 'crypto.subtle.verify alone',
  jose: 'jose.jwtVerify alone',
  provider: 'oidc-provider, client authentication',
  bearer: 'jwt-bearer-client-auth',
  passport: 'passport-oauth2-jwt-bearer',
} as const;

type Name = keyof typeof NAMES;

/** These read RSA keys alone. */
const RSA_ONLY: readonly Name[] = ['bearer', 'passport'];

type Work = (index: number) => unknown;

/** What each subject does with the assertion of an index, made anew for each turn. */
async function subjectsFor(alg: MeasuredAlgorithm, count: number, forProvider: number) {
  const keys = newKeys(alg);
  const assertions = Array.from({ length: count }, () => newAssertion(keys));
  const bytes = assertions.map(signedBytes);
  const ours = validation(() => client);
  const client = clientWith(keys);
  const [crypto, subtle, jose] = [
    rawVerify(keys),
    await subtleVerify(keys),
    await joseVerify(keys),
  ];
  const provider = await oidcProviderAuthentication(keys);
  const at = <T>(list: readonly T[], index: number): T => list[index] as T;

  const subjects: Partial<Record<Name, () => Work>> = {
    ours: () => {
      ours.reset();
      return (index) => ours.validate(at(assertions, index));
    },
    crypto: () => (index) => crypto(at(bytes, index)),
    subtle: () => (index) => subtle(at(bytes, index)),
    jose: () => (index) => jose(at(assertions, index)),
    // It remembers what was used, so it gets new ones each time.
    provider: () => provider(Array.from({ length: forProvider }, () => newAssertion(keys))),
  };
  if (alg === 'RS256') {
    const [bearer, passport] = [jwtBearerClientAuth(keys), passportOauth2JwtBearer(keys)];
    subjects.bearer = () => (index) => bearer(at(assertions, index));
    subjects.passport = () => (index) => passport(at(assertions, index));
  }
  return subjects;
}

async function measure(alg: MeasuredAlgorithm, { rounds, scale }: Effort) {
  const count = Math.ceil(ASSERTIONS * scale);
  const forProvider = Math.ceil(count * FOR_PROVIDER);
  const subjects = await subjectsFor(alg, count, forProvider);
  const names = Object.keys(subjects) as Name[];
  const turn = (name: Name, inFlight: number) =>
    costInFlight(
      subjects[name]?.() ?? (() => {}),
      name === 'provider' ? forProvider : count,
      inFlight,
    );
  const costs = new Map<number, Record<Name, Cost>>();
  for (const inFlight of IN_FLIGHT) {
    // Before it counts, so that the compiler has seen all of it.
    for (let time = 0; time < WARM_UPS; time += 1) {
      for (const name of names) await turn(name, inFlight);
    }
    costs.set(
      inFlight,
      await alternate(rounds * TURNS, names, async (name) => ({ ...(await turn(name, inFlight)) })),
    );
  }
  return costs;
}

const perSecond = ({ wall }: Cost): string => Math.round(1e6 / wall).toLocaleString('en');

/** What a validation costs, beside the signature alone and other validators. */
export async function question(effort: Effort): Promise<Answer> {
  const all = new Map<MeasuredAlgorithm, Map<number, Record<Name, Cost>>>();
  for (const alg of MEASURED_ALGORITHMS) all.set(alg, await measure(alg, effort));
  const at64 = (alg: MeasuredAlgorithm) => all.get(alg)?.get(64) as Record<Name, Cost>;
  const floor = (costs: Record<Name, Cost>) => Math.min(costs.crypto.wall, costs.subtle.wall);

  return {
    title: 'A full validation, beside the signature alone',
    text: [
      'The full validation parses, looks the client and its key up, checks header and claims, verifies the signature, and remembers the assertion in the memory store. The raw checks get bytes that are there already, and keys that are imported. `jwt-bearer-client-auth` knows no replay, `passport-oauth2-jwt-bearer` checks nothing but the signature; both read RSA keys alone, and both verify on the main thread.',
      'What keeps RS256 from its target is shown by the next section: reading two JSON objects costs part of it already.',
    ],
    targets: [
      ...(['RS256', 'ES256', 'EdDSA'] as const).map((alg) =>
        atLeast(
          `${alg}, 64 in flight: validations a second / those of the faster raw check`,
          floor(at64(alg)) / at64(alg).ours.wall,
          alg === 'RS256' ? 0.75 : 0.9,
        ),
      ),
      ...MEASURED_ALGORITHMS.map((alg) =>
        atLeast(
          `${alg}, 64 in flight: validations a second / those of jose.jwtVerify`,
          at64(alg).jose.wall / at64(alg).ours.wall,
          1,
        ),
      ),
    ],
    tables: MEASURED_ALGORITHMS.map((alg) => ({
      caption: `${alg}, a second (and µs of processor time each)`,
      head: ['', ...IN_FLIGHT.map((inFlight) => `${inFlight} in flight`)],
      rows: (Object.keys(NAMES) as Name[])
        .filter((name) => alg === 'RS256' || !RSA_ONLY.includes(name))
        .map((name) => [
          NAMES[name],
          ...IN_FLIGHT.map((inFlight) => {
            const cost = all.get(alg)?.get(inFlight)?.[name] as Cost;
            return `${perSecond(cost)} (${cost.cpu.toFixed(1)})`;
          }),
        ]),
    })),
  };
}
