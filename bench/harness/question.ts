/** How much is done to answer a question. */
export interface Effort {
  /** How often each subject is measured, in turn with its peers. */
  readonly rounds: number;
  /** The part of the usual amount of work: 1 for figures that count, less to try something out. */
  readonly scale: number;
}

export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a figure should be, and what it is. */
export interface Target {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface Answer {
  readonly title: string;
  readonly text: readonly string[];
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
}

export type Question = (effort: Effort) => Promise<Answer>;

const figure = (value: number): string => value.toFixed(2);

/** A target that is met from below. */
export const atMost = (what: string, measured: number, limit: number, unit = ''): Target => ({
  what,
  target: `≤ ${limit}${unit}`,
  measured: `${figure(measured)}${unit}`,
  met: measured <= limit,
});

/** A target that is met from above. */
export const atLeast = (what: string, measured: number, limit: number, unit = ''): Target => ({
  what,
  target: `≥ ${limit}${unit}`,
  measured: `${figure(measured)}${unit}`,
  met: measured >= limit,
});
