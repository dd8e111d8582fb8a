import type { Member } from '../disclosure.js';
import type { Exchange } from '../exchange.js';
import { captionOf } from './captions.js';
import { element } from './element.js';
import { explanationView } from './explanation-view.js';
import { membersTable, objectTable, valueElement } from './values.js';

/** What is sent back and forth; the values of secrets did not come with it. */
const shown = (
  members: readonly Member[],
  decoded: readonly string[] = [],
): (readonly [string, HTMLElement])[] =>
  members.map(({ name, value }) => {
    if (value !== undefined) return [name, valueElement(value)];
    return [name, element('em', {}, decoded.includes(name) ? 'decoded below' : 'hidden')];
  });

/** The status, and where a redirect leads: at this server the path says enough. */
function answerText({ status, location }: Exchange): string {
  if (location === undefined) return String(status);
  const { origin, pathname } = new URL(location);
  return `${status} ${origin === window.location.origin ? pathname : location}`;
}

function authenticationText({ authentication }: Exchange): HTMLElement {
  if (authentication === undefined) return element('span', {});
  const { outcome, reason } = authentication;
  return outcome === 'success'
    ? element('span', { class: 'passed' }, '✓ assertion accepted')
    : element('span', { class: 'failed' }, `✗ assertion refused: ${reason}`);
}

function summary(exchange: Exchange): HTMLElement {
  const { method, path, status } = exchange;
  const line = `${method} ${path} → ${answerText(exchange)}`;
  return element(
    'summary',
    {},
    element('strong', {}, captionOf(exchange)),
    ' ',
    element('code', status < 400 ? {} : { class: 'failed' }, line),
    ' ',
    authenticationText(exchange),
  );
}

function tables({ sent, requestObject, authentication, answered }: Exchange): HTMLElement[] {
  const decoded = [
    ...(requestObject === undefined ? [] : ['request']),
    ...(authentication?.claims === undefined ? [] : ['client_assertion']),
  ];
  return [
    membersTable('Sent', shown(sent, decoded)),
    membersTable('Answered', shown(answered)),
    ...(requestObject === undefined
      ? []
      : [
          objectTable('Request object: header', requestObject.header),
          membersTable('Request object: claims', shown(requestObject.claims)),
        ]),
  ];
}

function explanation({ authentication }: Exchange): readonly HTMLElement[] {
  if (authentication === undefined) return [];
  const now = Math.floor(Date.parse(authentication.time) / 1000);
  return explanationView(authentication, now);
}

/** A request with its answer, folded to one line. */
export const exchangeItem = (exchange: Exchange, isOpen: boolean): HTMLLIElement =>
  element(
    'li',
    {},
    element(
      'details',
      isOpen ? { open: '' } : {},
      summary(exchange),
      element('div', { class: 'sides' }, ...tables(exchange)),
      element('div', { class: 'sides' }, ...explanation(exchange)),
    ),
  );
