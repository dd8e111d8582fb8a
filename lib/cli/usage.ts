import { type Command, InvalidArgumentError } from 'commander';
import { isWebUrl, nearestName } from '../shared/options.js';

/** `failed` also means refused. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A sentence for the user, without a stack or a secret. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.usage);
  }
}

export function urlOption(value: string): string {
  if (isWebUrl(value)) {
    const { username, password } = new URL(value);
    if (username === '' && password === '') return value;
    throw new InvalidArgumentError('It must not contain a user name or password.');
  }
  if (isWebUrl(`https://${value}`)) {
    throw new InvalidArgumentError(`It has no scheme: write https://${value}.`);
  }
  throw new InvalidArgumentError('It must be an absolute URL, such as https://as.example.');
}

/** An empty value comes from a variable of the shell that is not set. */
export function refuseEmptyValue(program: Command, args: readonly string[]): void {
  const { options = [] } = program.commands.find((each) => each.name() === args[0]) ?? {};
  const empty = options.find(
    ({ long, required }) =>
      required &&
      args.some((arg, at) => arg === `${long}=` || (arg === long && args[at + 1] === '')),
  );
  if (empty === undefined) return;
  throw new UsageError(`${empty.long} is empty: is its environment variable set?`);
}

/** Before missing options are reported. */
export function refuseUnknownOption(program: Command, args: readonly string[]): void {
  const command = program.commands.find((each) => each.name() === args[0]);
  const end = args.indexOf('--');
  const given = (end === -1 ? args : args.slice(0, end)).filter((arg) => /^--\w/.test(arg));
  const known = [...(command ?? program).options.map(({ long }) => long ?? ''), '--help'];
  const unknown = given
    .map((arg) => arg.split('=', 1)[0] ?? '')
    .find((arg) => !known.includes(arg));
  if (command === undefined || unknown === undefined) return;
  const nearest = nearestName(unknown, known);
  const remedy = nearest === undefined ? `there are ${known.join(', ')}` : `use ${nearest}`;
  throw new UsageError(`${command.name()} has no option ${unknown}: ${remedy}.`);
}

export const numberOption =
  (maximum: number) =>
  (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= 1 && number <= maximum) return number;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${maximum}.`);
  };

/** Seconds since the epoch or an ISO 8601 date, to milliseconds. */
export function timeOption(value: string): number {
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (!Number.isNaN(new Date(milliseconds).getTime())) return milliseconds;
  throw new InvalidArgumentError('It must be seconds since the epoch, or an ISO 8601 date.');
}

const isMissing = (error: unknown, packages: readonly string[]): boolean =>
  error instanceof Error &&
  (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' &&
  packages.some((name) => error.message.includes(`'${name}'`));

/** Packages that only one command needs. `what` names the command or option, for the error. */
export async function importOptionalPeer<Module>(
  what: string,
  packages: readonly string[],
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error, packages)) throw error;
    const npx = ['passport-private-key-jwt', ...packages].map((name) => `-p ${name}`).join(' ');
    throw new CommandError(
      `${what} needs ${packages.join(' and ')}: run npm install ${packages.join(' ')}, or use npx ${npx} passport-private-key-jwt …`,
    );
  }
}
