/** Far more than any claim needs; JSON.stringify fails at some thousand levels. */
const MAX_LEVELS = 50;

/** Whether a value from JSON is nested so little that it can be written as JSON again. */
export const isShallow = (value: unknown, levels = MAX_LEVELS): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1)));
