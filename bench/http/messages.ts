/** What a server answers when it is asked for its figures, since it was asked before. */
export interface Figures {
  /** Processor time of the whole process, in microseconds. */
  readonly cpu: number;
  /** The delay of the event loop that 1 of 100 samples exceeds, in milliseconds. */
  readonly delayP99: number;
}

/** What a server sends to the process that loads it. */
export type Message =
  | { readonly urls: Readonly<Record<string, string>> }
  | { readonly figures: Figures };
