/** Prints how a script is called and ends, if its arguments ask for help. */
export function usage(text: string): void {
  if (!process.argv.includes('--help')) return;
  console.log(`Usage: ${text}`);
  process.exit(0);
}
