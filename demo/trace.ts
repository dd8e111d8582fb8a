/** What the token server tells of one authentication. */
interface Trace {
  readonly outcome: string;
  readonly checks: readonly {
    readonly check: string;
    readonly source: string;
    readonly outcome: string;
    readonly expected?: unknown;
    readonly actual?: unknown;
  }[];
}

const MARKS: Readonly<Record<string, string>> = { passed: '✓', failed: '✗', skipped: '-' };

const shown = (value: unknown): string => (value === undefined ? '' : `: ${JSON.stringify(value)}`);

/** Prints each check that the token server made on the last assertion. */
export async function printLastTrace(tokenServer: string): Promise<void> {
  const response = await fetch(`${tokenServer}/traces`);
  const [last] = (await response.json()) as Trace[];
  if (last === undefined) throw new Error('The token server has no trace.');
  process.stdout.write('\nWhat the token server checked:\n');
  for (const { check, source, outcome, actual } of last.checks) {
    process.stdout.write(`  ${MARKS[outcome] ?? outcome} ${check}${shown(actual)}  (${source})\n`);
  }
  process.stdout.write(`  => ${last.outcome}\n`);
}
