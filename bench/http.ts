import { newKeys } from './assertions.js';
import { type Answer, atMost, type Effort } from './harness/question.js';
import { alternate } from './harness/rounds.js';
import { formsWithAssertions, formsWithSecrets } from './http/forms.js';
import { LoadedServers, type RequestCost } from './http/loaded-server.js';

const IN_FLIGHT = 64;
const WARM_UP = 5000;
/** In a turn. */
const REQUESTS = 300;
/** The turns of each server in a round. */
const LOADS = 41;
const ALGORITHMS = ['RS256', 'ES256'] as const;

const KINDS = [
  'bare',
  'raw',
  'validator',
  'by hand',
  'passport',
  'memory',
  'oidc-provider, client_secret_post',
  'oidc-provider',
] as const;

type Kind = (typeof KINDS)[number];

const NAMES: Readonly<Record<Kind, string>> = {
  bare: 'Express, nothing checked',
  raw: 'Express, the signature alone',
  validator: 'Express, ClientAssertionValidator alone',
  'by hand': 'Express, the same, and its result set on the request by hand',
  passport: 'Express, Passport with a strategy that accepts at once',
  memory: 'Express, authenticateClient',
  'oidc-provider, client_secret_post': 'oidc-provider, client_secret_post',
  'oidc-provider': 'oidc-provider, private_key_jwt',
};

type Costs = Record<Kind, Record<keyof RequestCost, number>>;

async function measureOnce(alg: (typeof ALGORITHMS)[number], scale: number): Promise<Costs> {
  const keys = newKeys(alg);
  const servers = await LoadedServers.start(KINDS, keys, IN_FLIGHT);
  const load = (kind: Kind, count: number) =>
    servers.load(
      kind,
      kind === 'oidc-provider, client_secret_post'
        ? formsWithSecrets(count)
        : formsWithAssertions(keys, count),
    );
  try {
    for (const kind of KINDS) await load(kind, Math.ceil(WARM_UP * scale));
    const measure = async (kind: Kind) => ({ ...(await load(kind, Math.ceil(REQUESTS * scale))) });
    return await alternate(LOADS, KINDS, measure);
  } finally {
    servers.stop();
  }
}

/**
 * What is added is a difference of two figures. What V8 compiles, and what the machine does
 * meanwhile, differ by as much: so the servers share one process, take short turns, and start anew
 * in each round.
 */
async function measure(
  alg: (typeof ALGORITHMS)[number],
  { rounds, scale }: Effort,
): Promise<Costs> {
  const all: Costs[] = [];
  for (let round = 0; round < rounds; round += 1) all.push(await measureOnce(alg, scale));
  return await alternate(rounds, KINDS, async (kind, round) => (all[round] as Costs)[kind]);
}

/** What authentication adds to a request over HTTP. */
export async function question(effort: Effort): Promise<Answer> {
  const all = new Map<string, Costs>();
  for (const alg of ALGORITHMS) all.set(alg, await measure(alg, effort));
  const costs = (alg: string) => all.get(alg) as Costs;
  const added = (alg: string, kind: Kind) => costs(alg)[kind].cpu - costs(alg).bare.cpu;
  const providerAdded = (alg: string) =>
    costs(alg)['oidc-provider'].cpu - costs(alg)['oidc-provider, client_secret_post'].cpu;

  return {
    title: 'What authentication adds to a request over HTTP',
    text: [
      `Processor time of the server for each request, ${IN_FLIGHT} in flight, its thread pool included; all servers share one process, take ${LOADS} short turns, and start anew in each round. "Added" is the difference to an Express endpoint that checks nothing. oidc-provider issues a token besides, so what its authentication alone adds is the difference to the same provider with \`client_secret_post\`.`,
      'The signature alone pays for the hand-over to the thread pool too. What a validation adds to that is more than in a loop (above), where all of its code and data stay in the caches of the processor: a second validation in the same request adds much less than the first. Node 20 gives each request of Express a hidden class of its own, so setting `req.user` and `req.authInfo` costs about a tenth of a validation or more, whoever does it: the row "by hand" shows it. So the target of `authenticateClient` is relative to that row, not to the validator alone.',
      'With ES256 the signature is most of the work of both libraries, so the comparison with oidc-provider has a target with RS256 only.',
    ],
    targets: [
      ...ALGORITHMS.map((alg) =>
        atMost(
          `${alg}: added by authenticateClient / added by ClientAssertionValidator by hand`,
          added(alg, 'memory') / added(alg, 'by hand'),
          1.1,
        ),
      ),
      atMost(
        'RS256: added by authenticateClient / what private_key_jwt adds to oidc-provider',
        added('RS256', 'memory') / providerAdded('RS256'),
        0.6,
      ),
    ],
    tables: ALGORITHMS.map((alg) => ({
      caption: alg,
      head: ['', 'µs a request', 'added', 'requests a second', 'event-loop delay p99, ms'],
      rows: KINDS.map((kind) => {
        const { cpu, wall, delayP99 } = costs(alg)[kind];
        return [
          NAMES[kind],
          cpu.toFixed(0),
          added(alg, kind).toFixed(0),
          (1e6 / wall).toFixed(0),
          delayP99.toFixed(1),
        ];
      }),
    })),
  };
}
