import { InvalidArgumentError } from 'commander';

/** Takes an absolute URL. */
export function urlOption(value: string): string {
  if (URL.canParse(value)) return value;
  throw new InvalidArgumentError('It must be an absolute URL.');
}

/** Takes a whole number of at least 1. */
export const numberOption =
  (maximum: number) =>
  (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= 1 && number <= maximum) return number;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${maximum}.`);
  };

/** Takes seconds since the epoch or an ISO 8601 date, and makes milliseconds of it. */
export function timeOption(value: string): number {
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (!Number.isNaN(new Date(milliseconds).getTime())) return milliseconds;
  throw new InvalidArgumentError('It must be seconds since the epoch, or an ISO 8601 date.');
}
