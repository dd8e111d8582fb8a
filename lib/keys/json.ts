import { KeyError } from './algorithms.js';

/**
 * A copy of a JSON value that nobody else can change; a text is itself.
 *
 * @throws {KeyError} where the value is not JSON
 */
export function jsonCopy(value: unknown): unknown {
  if (typeof value !== 'object') return value;
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    throw new KeyError('its value is not JSON');
  }
}

type Members = Readonly<Record<string, unknown>>;

function countMembers(value: Members): number {
  let count = 0;
  for (const name in value) if (value[name] !== undefined) count += 1;
  return count;
}

function hasSameMembers(copy: Members, value: Members): boolean {
  let count = 0;
  for (const name in copy) {
    if (!isSameJson(copy[name], value[name])) return false;
    count += 1;
  }
  return count === countMembers(value);
}

/**
 * Whether a value is still what it was when it was copied, told without writing it as JSON again.
 *
 * @param copy what `jsonCopy` made
 */
export function isSameJson(copy: unknown, value: unknown): boolean {
  if (copy === value) return true;
  if (typeof copy !== 'object' || copy === null) return false;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(copy) !== Array.isArray(value)) return false;
  return hasSameMembers(copy as Members, value as Members);
}
