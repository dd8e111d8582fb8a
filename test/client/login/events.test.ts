import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventHandlers } from '../../../lib/client/login/events.js';

const NAMES =
  'redirectToIdentityProvider, authorizationCodeReceived, tokenResponseReceived, remoteFailure';

test('event handlers are optional and used unchanged', () => {
  const all = Object.fromEntries(NAMES.split(', ').map((name) => [name, () => undefined]));
  class Handlers {
    readonly count = 0;
    remoteFailure() {}
  }
  const bare = Object.assign(Object.create(null), { remoteFailure: () => undefined });
  for (const events of [{}, all, { remoteFailure: undefined }, new Handlers(), bare]) {
    assert.equal(eventHandlers('events', events), events);
  }
  assert.deepEqual(eventHandlers('events', undefined), {});
});

const handler = () => undefined;

const WRONG: readonly (readonly [unknown, string])[] = [
  [null, `events must be an object with ${NAMES}`],
  ['remoteFailure', `events must be an object with ${NAMES}`],
  [handler, `events must be an object with ${NAMES}`],
  ...NAMES.split(', ').flatMap((name) =>
    ['text', null, {}].map(
      (value) => [{ [name]: value }, `The event ${name} must be a function`] as const,
    ),
  ),
  [
    { remoteFailure: handler, remotefailure: handler },
    `There is no event remotefailure: use ${NAMES}`,
  ],
  [
    Object.assign(Object.create(null), { tokens: handler }),
    `There is no event tokens: use ${NAMES}`,
  ],
];

for (const [events, message] of WRONG) {
  test(`${JSON.stringify(events)} are refused as handlers: ${message.slice(0, 50)}`, () => {
    assert.throws(() => eventHandlers('events', events), { name: 'TypeError', message });
  });
}
