const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

/** The middle value of several. */
export const median = (numbers: readonly number[]): number =>
  sorted(numbers)[numbers.length >> 1] ?? Number.NaN;

/** The value that a quarter of them do not exceed. */
export const lowerQuartile = (numbers: readonly number[]): number =>
  sorted(numbers)[numbers.length >> 2] ?? Number.NaN;
