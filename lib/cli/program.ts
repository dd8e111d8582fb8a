import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addAuditCommand } from './audit.js';
import { addInspectCommand } from './inspect.js';
import { addKeygenCommand } from './keygen.js';
import { printError } from './output.js';
import { addTokenCommand } from './token.js';
import {
  CommandError,
  EXIT,
  type ExitCode,
  refuseEmptyValue,
  refuseUnknownOption,
} from './usage.js';

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

function createProgram(finish: (exitCode: ExitCode) => void): Command {
  const program = new Command('passport-private-key-jwt')
    .description(
      'Makes keys for private_key_jwt, gets tokens with them, explains assertions and audits clients.',
    )
    .version(packageVersion())
    .exitOverride()
    .addHelpText('after', '\nExit codes: 0 success, 1 refused or failed, 2 wrong usage.');
  addKeygenCommand(program);
  addTokenCommand(program, finish);
  addInspectCommand(program, finish);
  addAuditCommand(program, finish);
  return program;
}

/** Never rejects. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  try {
    const program = createProgram((code) => {
      exitCode = code;
    });
    refuseUnknownOption(program, argv.slice(2));
    refuseEmptyValue(program, argv.slice(2));
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    // Commander has already printed the error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    printError(`error: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof CommandError ? error.exitCode : EXIT.failed;
  }
}
