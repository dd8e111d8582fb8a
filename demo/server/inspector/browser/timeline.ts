import { element } from './element.js';
import { server } from './page-server.js';
import { membersTable } from './values.js';

/** A moment in seconds since the epoch, and the claims that are it. */
interface Mark {
  readonly names: readonly string[];
  readonly at: number;
}

/** The claims that are moments. */
const CLAIMS = ['iat', 'nbf', 'exp'] as const;

export const isDate = (value: unknown): value is number =>
  typeof value === 'number' && !Number.isNaN(new Date(value * 1000).getTime());

/** A moment in words. */
export const dateText = (at: number): string =>
  new Date(at * 1000)
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z$/, ' UTC');

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

const relativeTime = new Intl.RelativeTimeFormat('en');

function distanceText(seconds: number): string {
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= 2 * size) ?? [1, 'second'];
  return relativeTime.format(Math.round(seconds / size), unit);
}

function marksOf(claims: object, now: number): Mark[] {
  const members = new Map<string, unknown>(Object.entries(claims));
  const moments = new Map<number, string[]>();
  for (const [name, at] of [...CLAIMS.map((name) => [name, members.get(name)]), ['now', now]]) {
    if (!isDate(at)) continue;
    moments.set(at, [...(moments.get(at) ?? []), String(name)]);
  }
  return [...moments].map(([at, names]) => ({ names, at })).sort((a, b) => a.at - b.at);
}

/** Where a moment is on the line, in percent of its length. */
type Scale = (at: number) => number;

/** Leaves some room at both ends. */
function scaleOf(marks: readonly Mark[]): Scale {
  const first = marks[0]?.at ?? 0;
  const length = (marks.at(-1)?.at ?? 0) - first || 1;
  return (at) => 2 + (80 * (at - first)) / length;
}

/** How much of the line a label takes. */
const LABEL_WIDTH = 18;

/** Labels stand in rows, so that those of moments close together do not cover each other. */
function labels(marks: readonly Mark[], scale: Scale): HTMLElement[] {
  const ends: number[] = [];
  return marks.map(({ names, at }) => {
    const position = scale(at);
    const free = ends.findIndex((end) => end <= position);
    const row = free === -1 ? ends.length : free;
    ends[row] = position + LABEL_WIDTH;
    const name = element('span', {}, names.join(', '));
    const isNow = names.includes('now') ? ' now' : '';
    const label = element('span', { class: `mark row${row}${isNow}` }, name);
    label.style.left = `${position}%`;
    return label;
  });
}

function validity(marks: readonly Mark[], scale: Scale): HTMLElement[] {
  const at = (name: string) => marks.find(({ names }) => names.includes(name))?.at;
  const from = at('nbf') ?? at('iat');
  const until = at('exp');
  if (from === undefined || until === undefined || until < from) return [];
  const band = element('span', { class: 'validity' });
  band.style.left = `${scale(from)}%`;
  band.style.width = `${scale(until) - scale(from)}%`;
  return [band];
}

/**
 * When an assertion is valid, and when it was looked at, as a line and as a table.
 *
 * @param now seconds since the epoch
 */
export function timeline(claims: object, now: number): HTMLElement {
  const marks = marksOf(claims, now);
  const scale = scaleOf(marks);
  const line = element(
    'div',
    { class: 'line', 'aria-hidden': 'true' },
    ...validity(marks, scale),
    ...labels(marks, scale),
  );
  const rows = marks.map(({ names, at }) => {
    const distance = at === now ? '' : ` (${distanceText(at - now)})`;
    return [names.join(', '), `${dateText(at)}${distance}`] as const;
  });
  const note = element(
    'p',
    { class: 'note' },
    `Clocks may differ by ${server.clockTolerance} seconds: the server accepts this difference at both ends.`,
  );
  return element('div', { class: 'times' }, membersTable(['Times', line], rows), note);
}
