import { CommandError } from './exit.js';

const isMissing = (error: unknown, packages: readonly string[]): boolean =>
  error instanceof Error &&
  (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' &&
  packages.some((name) => error.message.includes(`'${name}'`));

/**
 * Imports what only one command needs, so that nobody else has to install it.
 *
 * @param what the command or option, for the error
 * @param packages the packages that it needs
 * @throws {CommandError} that says how to install them, where they are missing
 */
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
      `${what} needs ${packages.join(' and ')}: run npm install ${packages.join(' ')}, or else npx ${npx} passport-private-key-jwt …`,
    );
  }
}
