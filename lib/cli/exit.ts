/** How a command ends: done, refused or failed, called wrongly. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** A status that the process exits with. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a sentence for the user and no stack. The message names no secret. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command was called wrongly: an option or a file that it was given is of no use. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.usage);
  }
}
