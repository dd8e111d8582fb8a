/** What the authorization server tells of one authentication. */
interface Trace {
  readonly outcome: string;
  readonly checks: readonly {
    readonly check: string;
    readonly source: string;
    readonly outcome: string;
    readonly actual?: unknown;
  }[];
}

const MARKS: Readonly<Record<string, string>> = { passed: '✓', failed: '✗', skipped: '-' };

const shown = (value: unknown): string => (value === undefined ? '' : `: ${JSON.stringify(value)}`);

/** Each check that the authorization server made on the last assertion. */
export async function lastTrace(issuer: string): Promise<{ passed: number; text: string }> {
  const response = await fetch(`${issuer}/traces`);
  const [last] = (await response.json()) as Trace[];
  if (last === undefined) throw new Error('The authorization server has no trace.');
  const lines = last.checks.map(
    ({ check, source, outcome, actual }) =>
      `  ${MARKS[outcome] ?? outcome} ${check}${shown(actual)}  (${source})\n`,
  );
  return {
    passed: last.checks.filter(({ outcome }) => outcome === 'passed').length,
    text: `\nWhat the server checked:\n${lines.join('')}  => ${last.outcome}\n\n`,
  };
}
