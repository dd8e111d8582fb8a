import type { Exchange, Handles } from './exchange.js';

/** The requests that belong to one login, or to one call of a client for itself, in their order. */
export interface Sequence {
  readonly id: number;
  readonly exchanges: readonly Exchange[];
}

interface Recording {
  readonly id: number;
  readonly exchanges: Promise<Exchange>[];
  readonly handles: Set<string>;
}

/** How many requests are kept of one sequence. */
const MAX_EXCHANGES = 50;

/**
 * Tells logins apart that go on at the same time: a request belongs to the sequence in which one of
 * its handles was seen before, and otherwise starts one.
 */
export class Sequences {
  private readonly limit: number;
  /** In the order of their last requests. */
  private recordings: readonly Recording[] = [];
  private count = 0;

  /** @param limit of sequences that are kept */
  constructor(limit: number) {
    this.limit = limit;
  }

  add(exchange: Promise<Exchange>, { inRequest, inAnswer }: Handles): void {
    const recording =
      this.recordings.find(({ handles }) => inRequest.some((handle) => handles.has(handle))) ??
      this.start();
    recording.exchanges.push(exchange);
    recording.exchanges.splice(0, recording.exchanges.length - MAX_EXCHANGES);
    for (const handle of [...inRequest, ...inAnswer]) recording.handles.add(handle);
    const others = this.recordings.filter((other) => other !== recording);
    this.recordings = [...others, recording].slice(-this.limit);
  }

  /** The sequences, that of the last request first. */
  list(): Promise<Sequence[]> {
    return Promise.all(
      this.recordings.toReversed().map(async ({ id, exchanges }) => ({
        id,
        exchanges: await Promise.all(exchanges),
      })),
    );
  }

  private start(): Recording {
    this.count += 1;
    return { id: this.count, exchanges: [], handles: new Set() };
  }
}
