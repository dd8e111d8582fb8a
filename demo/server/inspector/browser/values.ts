import { isShallow } from '../shallow.js';
import { type Content, element } from './element.js';
import { json, printable } from './printable.js';

/** A value from outside as JSON, safe to show. */
function valueText(value: unknown): string {
  if (value === undefined) return 'absent';
  return isShallow(value) ? json(value) : 'nested too deeply to be shown';
}

/** The same in the type of code. */
export const valueElement = (value: unknown): HTMLElement => element('code', {}, valueText(value));

/** A table of names and values. */
export function membersTable(
  caption: Content | readonly Content[],
  members: readonly (readonly [string, Content])[],
  meanings: Readonly<Record<string, string>> = {},
): HTMLTableElement {
  const rows = members.map(([name, value]) => {
    const meaning = Object.hasOwn(meanings, name) ? meanings[name] : undefined;
    const explained = meaning === undefined ? [] : [' ', element('small', {}, meaning)];
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, printable(name), ...explained),
      element('td', {}, value),
    );
  });
  const none = element('tr', {}, element('td', {}, 'nothing'));
  return element(
    'table',
    { class: 'members' },
    element('caption', {}, ...[caption].flat()),
    element('tbody', {}, ...(rows.length === 0 ? [none] : rows)),
  );
}

/** A table of a JSON object's members. */
export const objectTable = (
  caption: string,
  object: object,
  meanings?: Readonly<Record<string, string>>,
): HTMLTableElement =>
  membersTable(
    caption,
    Object.entries(object).map(([name, value]) => [name, valueElement(value)]),
    meanings,
  );
