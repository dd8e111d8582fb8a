/** What the server tells of itself. Bytes after a garbage collection; times in milliseconds. */
export interface Sample {
  readonly usedBytes: number;
  readonly delayP99: number;
  readonly delayMax: number;
  readonly replayEntries: number | undefined;
}

/** What the server sends to the process that loads it. */
export type Message = { readonly url: string } | { readonly sample: Sample };
