import { text as readText } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { explainWithClient } from '../assertion/explain.js';
import type { CheckReport, Explanation } from '../assertion/explain-alone.js';
import { CLIENT_ASSERTION_OPTIONS, settingsFrom } from '../assertion/options.js';
import { askForClient, type FindClient } from '../clients/lookup.js';
import { checkClientSecrets, SecretError } from '../keys/assert-secrets.js';
import type { AssertionClient } from '../keys/secret.js';
import { CLIENT_ASSERTION_TYPE } from '../shared/jose.js';
import { readOptions } from '../shared/options.js';
import { REASONS } from '../shared/reasons.js';
import { readClientsFile } from './files.js';
import { json, print, printable, printJson, style } from './output.js';
import { EXIT, type ExitCode, timeOption, UsageError, urlOption } from './usage.js';

export interface Inspection extends Explanation {
  /** In seconds since the epoch. */
  readonly now: number;
  /** Missing inputs: the checks that need them were skipped. */
  readonly unknown: { readonly issuer: boolean; readonly client: boolean };
  readonly warnings: readonly string[];
}

/** `refused`: a check failed. `undecided`: checks that matter were skipped. */
export type Outcome = 'accepted' | 'refused' | 'undecided';

export function outcomeOf({ accepted, checks }: Explanation): Outcome {
  if (accepted) return 'accepted';
  return checks.some(({ outcome }) => outcome === 'failed') ? 'refused' : 'undecided';
}

const isOfPlatform = ({ checks }: Inspection): boolean =>
  checks.some(({ check }) => check === 'further claims');

const NEEDS_CLIENT = 'Give --client to check it.';

function explain({ check, outcome, reason }: CheckReport, inspection: Inspection) {
  if (outcome === 'passed') return undefined;
  if (reason !== undefined) return REASONS[reason].description;
  if (check === 'replay') {
    return isOfPlatform(inspection)
      ? 'A platform’s token may be used many times: the server looks for replays only if the secret sets singleUse.'
      : 'Only the server knows whether the assertion was used before.';
  }
  if (inspection.claims === undefined) return 'The assertion could not be read.';
  if (check === 'aud') return 'Give --issuer to check it.';
  return inspection.unknown.client
    ? NEEDS_CLIENT
    : 'This check depends on a check that failed above.';
}

export function inspectionJson(inspection: Inspection): object {
  const { header, claims, now, warnings } = inspection;
  const checks = inspection.checks.map((report) => ({
    ...report,
    description: explain(report, inspection),
  }));
  return { outcome: outcomeOf(inspection), now, header, claims, checks, warnings };
}

function duration(seconds: number): string {
  const [size, unit] =
    [[86_400, 'd'] as const, [3600, 'h'] as const, [60, 'min'] as const].find(
      ([size]) => Math.abs(seconds) >= 2 * size,
    ) ?? ([1, 's'] as const);
  return `${Math.round(Math.abs(seconds) / size)} ${unit}`;
}

function timeLine(name: string, value: unknown, now: number): string[] {
  if (typeof value !== 'number' || Number.isNaN(new Date(value * 1000).getTime())) return [];
  const distance = duration(value - now);
  const relation = value > now ? `in ${distance}` : `${distance} ago`;
  const date = new Date(value * 1000).toISOString();
  return [`  ${name}  ${date}${value === now ? '' : `  (${relation})`}`];
}

const WIDTH = 23;

const MARKS = {
  passed: style('green', 'passed '),
  failed: style('red', 'failed '),
  skipped: style('dim', 'skipped'),
} as const;

function checkLines(report: CheckReport, inspection: Inspection): string[] {
  const { check, source, outcome, reason, expected, actual } = report;
  const description = explain(report, inspection);
  const lines = [`  ${MARKS[outcome]}  ${check.padEnd(WIDTH)}  ${style('dim', source)}`];
  if (description === undefined) return lines;
  lines.push(`           ${reason === undefined ? '' : `${reason}: `}${description}`);
  if (expected !== undefined) lines.push(`           expected  ${json(expected)}`);
  if (outcome === 'failed' && reason !== undefined && (expected ?? actual) !== undefined) {
    lines.push(`           actual    ${actual === undefined ? 'absent' : json(actual)}`);
  }
  return lines;
}

/** If the client is unknown, all its checks share one line. */
function checksLines(inspection: Inspection): string[] {
  const { checks, claims } = inspection;
  // If the assertion could not be read, the checks after that have nothing to report.
  const told = checks.filter(({ outcome }) => claims !== undefined || outcome !== 'skipped');
  const clientless = told.filter((report) => explain(report, inspection) === NEEDS_CLIENT);
  return told.flatMap((report) => {
    if (!clientless.includes(report)) return checkLines(report, inspection);
    if (report !== clientless[0]) return [];
    const what = `${clientless.length} checks of the client, its keys and the signature`;
    return [`  ${MARKS.skipped}  ${what}: give --client to run them`];
  });
}

function conclusion(inspection: Inspection): string {
  const outcome = outcomeOf(inspection);
  if (outcome === 'accepted') {
    return style(
      'green',
      isOfPlatform(inspection)
        ? 'Every check passed: the assertion is accepted.'
        : 'Every check passed: the assertion is accepted unless it was used before.',
    );
  }
  if (outcome === 'refused') {
    const reasons = inspection.checks.flatMap(({ reason }) => reason ?? []);
    return style('red', `The assertion is refused: ${reasons.join(', ')}.`);
  }
  return style('yellow', 'Nothing failed, but not everything was checked.');
}

export function inspectionLines(inspection: Inspection): string[] {
  const { header, claims, now, warnings } = inspection;
  const part = (title: string, lines: readonly string[]) => [style('bold', title), ...lines, ''];
  const object = (value: object) =>
    json(value, 2)
      .split('\n')
      .map((line) => `  ${line}`);
  const times = ['nbf', 'iat', 'exp'].flatMap((name) => timeLine(name, claims?.[name], now));
  return [
    ...(header === undefined ? [] : part('Header', object(header))),
    ...(claims === undefined ? [] : part('Claims', object(claims))),
    ...(times.length === 0 ? [] : part('Times', [...timeLine('now', now, now), ...times])),
    ...part('Checks', checksLines(inspection)),
    ...warnings.map((warning) => `${style('yellow', 'warning:')} ${printable(warning)}`),
    conclusion(inspection),
  ];
}

interface InspectOptions {
  readonly issuer?: string;
  readonly tokenEndpoint?: string;
  readonly audience: 'compatible' | 'issuer' | 'issuer-string';
  readonly client?: string;
  readonly clientId?: string;
  readonly allowLocalNetwork?: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: number;
  readonly json?: boolean;
}

/** People copy this text along with an assertion. */
const WRAPPERS: readonly (readonly [name: string, strip: (text: string) => string | undefined])[] =
  [
    ['white space', (text) => (text === text.trim() ? undefined : text.trim())],
    ['quotes', (text) => /^(["'`])(.*)\1$/s.exec(text)?.[2]],
    ['the word Bearer', (text) => /^(?:Authorization:\s*)?Bearer\s+(.*)$/is.exec(text)?.[1]],
    [
      'JSON',
      (text) => {
        if (!text.startsWith('{')) return undefined;
        try {
          const { client_assertion } = JSON.parse(text);
          return typeof client_assertion === 'string' ? client_assertion : undefined;
        } catch {
          return undefined;
        }
      },
    ],
    [
      'a form',
      (text) =>
        /(?:^|&)client_assertion=/.test(text)
          ? (new URLSearchParams(text).get('client_assertion') ?? undefined)
          : undefined,
    ],
    [
      'line ends',
      (text) => (/^[\w.-]+(?:\s+[\w.-]+)+$/.test(text) ? text.replace(/\s+/g, '') : undefined),
    ],
  ];

function unwrap(text: string): {
  readonly assertion: string;
  readonly wrappers: readonly string[];
} {
  const wrappers: string[] = [];
  let assertion = text.trim();
  for (let round = 0; round < WRAPPERS.length; round += 1) {
    for (const [name, strip] of WRAPPERS) {
      const stripped = strip(assertion);
      if (stripped === undefined) continue;
      wrappers.push(name);
      assertion = stripped;
    }
  }
  return { assertion, wrappers };
}

const wrapperWarning = (wrappers: readonly string[]): string =>
  `Removed from around the assertion: ${[...new Set(wrappers)].join(', ')}. A server would not remove this.`;

async function readAssertionText(argument: string | undefined): Promise<string> {
  const isOnStdin = argument === '-' || (argument === undefined && !process.stdin.isTTY);
  const assertion = isOnStdin ? await readText(process.stdin) : argument;
  if (assertion !== undefined && assertion.trim() !== '') return assertion.trim();
  throw new UsageError('Pass the assertion as an argument or on stdin.');
}

async function warningsOf(
  findClient: FindClient<AssertionClient>,
  clientId: unknown,
): Promise<string[]> {
  const client =
    typeof clientId === 'string' ? await askForClient(findClient, clientId, undefined) : undefined;
  if (!client) return [];
  try {
    checkClientSecrets(client);
    return [];
  } catch (error) {
    if (error instanceof SecretError) return [error.message];
    throw error;
  }
}

async function inspect(argument: string | undefined, options: InspectOptions): Promise<Inspection> {
  const { issuer, tokenEndpoint, audience, allowLocalNetwork, now } = options;
  const findClient =
    options.client === undefined ? undefined : await readClientsFile(options.client);
  const { assertion, wrappers } = unwrap(await readAssertionText(argument));
  const parameters = {
    client_assertion: assertion,
    client_assertion_type: CLIENT_ASSERTION_TYPE,
    client_id: options.clientId,
  };
  const seconds = (now ?? Date.now()) / 1000;
  const explanation = await explainWithClient(
    { issuer, tokenEndpoint, parameters, now: seconds },
    settingsFrom(
      readOptions(
        'inspect',
        { audience, jwksUri: { allowedNetworks: allowLocalNetwork ? ['localhost'] : [] } },
        CLIENT_ASSERTION_OPTIONS,
      ),
    ),
    findClient,
  );
  const clientId = options.clientId ?? explanation.claims?.['iss'];
  return {
    ...explanation,
    now: Math.floor(seconds),
    unknown: { issuer: issuer === undefined, client: findClient === undefined },
    warnings: [
      ...(wrappers.length === 0 ? [] : [wrapperWarning(wrappers)]),
      ...(findClient === undefined ? [] : await warningsOf(findClient, clientId)),
    ],
  };
}

/** `finish` gets the exit code: 1 if a check failed. */
export function addInspectCommand(program: Command, finish: (exitCode: ExitCode) => void): void {
  program
    .command('inspect')
    .description('Decode a client assertion and check it against each rule.')
    .argument(
      '[assertion]',
      'the assertion; without it or with -, stdin, which no process list shows',
    )
    .option('--issuer <url>', 'the issuer identifier of the server, to check aud', urlOption)
    .option('--token-endpoint <url>', 'the token endpoint, which aud may name too', urlOption)
    .addOption(
      new Option('--audience <mode>', 'which aud is accepted')
        .choices(['compatible', 'issuer', 'issuer-string'])
        .default('compatible'),
    )
    .option(
      '--client <file>',
      'a JSON file with a client or an array of clients, to check the signature',
    )
    .option(
      '--client-id <id>',
      'the client_id parameter of the request, which a platform’s token needs',
    )
    .option('--allow-local-network', 'allow a jwks_uri on this machine, also over http')
    .option(
      '--now <time>',
      'the time of the check: seconds since the epoch, or ISO 8601',
      timeOption,
    )
    .option('--json', 'print JSON')
    .action(async (argument: string | undefined, options: InspectOptions) => {
      const inspection = await inspect(argument, options);
      if (options.json === true) printJson(inspectionJson(inspection));
      else print(...inspectionLines(inspection));
      finish(outcomeOf(inspection) === 'refused' ? EXIT.failed : EXIT.ok);
    });
}
