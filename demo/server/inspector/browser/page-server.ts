import type { PageServer } from '../page.js';

/** The server that the page belongs to, as the page itself says. */
export const server: PageServer = JSON.parse(
  document.querySelector('main')?.dataset['server'] ?? '{}',
);

/** What a reason of a refusal means, in a sentence. */
export const describeReason = (reason: string): string => server.reasons[reason] ?? reason;
