import { text as readText } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { explainAssertion } from '../assertion/explain.js';
import type { Explanation } from '../assertion/explain-alone.js';
import { settingsFrom } from '../assertion/settings.js';
import { askForClient, type FindClient } from '../clients/lookup.js';
import { assertClientSecrets, SecretError } from '../keys/assert-secrets.js';
import type { AssertionClient } from '../keys/secret.js';
import { CLIENT_ASSERTION_TYPE } from '../shared/jwt-types.js';
import { readClientsFile } from './clients-file.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { type Inspection, inspectionJson, inspectionLines, outcomeOf } from './inspection.js';
import { timeOption, urlOption } from './options.js';
import { print, printJson } from './output.js';

interface InspectOptions {
  readonly issuer?: string;
  readonly tokenEndpoint?: string;
  readonly audience: 'compatible' | 'strict';
  readonly client?: string;
  readonly allowLocalNetwork?: boolean;
  /** Milliseconds since the epoch. */
  readonly now?: number;
  readonly json?: boolean;
}

async function readAssertionText(argument: string | undefined): Promise<string> {
  const isOnStdin = argument === '-' || (argument === undefined && !process.stdin.isTTY);
  const assertion = isOnStdin ? await readText(process.stdin) : argument;
  if (assertion !== undefined && assertion.trim() !== '') return assertion.trim();
  throw new UsageError('Give the assertion as an argument, or send it to stdin.');
}

/** What is wrong with the secrets of the client that the assertion names, if there is one. */
async function warningsOf(
  findClient: FindClient<AssertionClient>,
  explanation: Explanation,
): Promise<string[]> {
  const iss = explanation.claims?.['iss'];
  const client =
    typeof iss === 'string' ? await askForClient(findClient, iss, undefined) : undefined;
  if (!client) return [];
  try {
    assertClientSecrets(client);
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
  const parameters = {
    client_assertion: await readAssertionText(argument),
    client_assertion_type: CLIENT_ASSERTION_TYPE,
  };
  const clock = now === undefined ? Date.now : () => now;
  const explanation = await explainAssertion(
    { issuer, tokenEndpoint, parameters },
    settingsFrom({ audience, clock, jwksUri: { allowLocalNetwork } }),
    findClient,
  );
  return {
    ...explanation,
    now: Math.floor(clock() / 1000),
    unknown: { issuer: issuer === undefined, client: findClient === undefined },
    warnings: findClient === undefined ? [] : await warningsOf(findClient, explanation),
  };
}

/**
 * `inspect`: takes an assertion apart and runs every check of the server half on it.
 *
 * @param finish takes the exit code: 1 where a check failed
 */
export function addInspectCommand(program: Command, finish: (exitCode: ExitCode) => void): void {
  program
    .command('inspect')
    .description('Decode a client assertion and say of each rule whether it is kept.')
    .argument('[assertion]', 'the assertion; default or - for stdin, which no process list shows')
    .option('--issuer <url>', 'the issuer identifier of the server, to judge aud', urlOption)
    .option('--token-endpoint <url>', 'the token endpoint, which aud may name too', urlOption)
    .addOption(
      new Option('--audience <mode>', 'how aud is judged')
        .choices(['compatible', 'strict'])
        .default('compatible'),
    )
    .option('--client <file>', 'a JSON file of the client, or an array, to check the signature')
    .option('--allow-local-network', 'let a jwks_uri be on this machine, and http')
    .option(
      '--now <time>',
      'the time to judge by: seconds since the epoch, or ISO 8601',
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
