/** Writes an error for the operator: a line of JSON. Errors of openid-client hold no tokens. */
export function log(event: string, error: unknown): void {
  const { name, message, code, cause } = error as Error & { code?: unknown };
  const reason = cause instanceof Error ? cause.message : undefined;
  const line = { time: new Date().toISOString(), event, name, message, code, reason };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
