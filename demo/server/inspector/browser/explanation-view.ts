import type { Explanation } from 'passport-private-key-jwt/explain';
import { checksView } from './checks-view.js';
import { element } from './element.js';
import { timeline } from './timeline.js';
import { objectTable } from './values.js';
import { MEANINGS } from './words.js';

/** An assertion that was taken apart. */
export interface Explained {
  readonly header?: object | undefined;
  readonly claims?: object | undefined;
  readonly checks: Explanation['checks'];
}

/**
 * Header, claims, times and checks of an assertion.
 *
 * @param now when it was looked at, in seconds since the epoch
 */
export function explanationView(
  { header, claims, checks }: Explained,
  now: number,
): readonly HTMLElement[] {
  const tables = [
    ...(header === undefined ? [] : [objectTable('Header', header, MEANINGS)]),
    ...(claims === undefined
      ? []
      : [objectTable('Claims', claims, MEANINGS), timeline(claims, now)]),
  ];
  return [element('div', {}, ...tables), element('div', {}, ...checksView(checks))];
}
