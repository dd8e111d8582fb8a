import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateRequestObject } from '../../../lib/index.js';
import { assertionForm, ISSUER } from '../../support/assertion.js';
import { CLIENT } from '../../support/attacks.js';
import { validatorOf } from '../../support/validator.js';

// What cannot be read costs about as much as its length, whatever it is made of (CWE-1333). The
// longest text is judged by a harmless one of the same length, since times depend on the machine.

const base64 = (text: string): string => btoa(text).replace(/=+$/, '');

const TEXTS: Readonly<Record<string, (length: number) => string>> = {
  'base64 of colons and a control character': (length) =>
    base64(`${':'.repeat((length * 3) / 4 - 3)}\0`),
  'base64 of pairs and a control character': (length) =>
    base64(`${'a:'.repeat((length * 3) / 8 - 3)}\0`),
  'blanks and a letter': (length) => `${' '.repeat(length - 1)}x`,
  'a letter and blanks in quotes': (length) => `"x${' '.repeat(length - 3)}y`,
  'quotes and a letter': (length) => `${'"'.repeat(length - 1)}x`,
  'quotes and blanks in turn': (length) => `${'" '.repeat(length / 2 - 1)}x`,
  'percent signs': (length) => '%'.repeat(length),
  'dots and letters in turn': (length) => '.a'.repeat(length / 2),
  'equals signs': (length) => `a.${'='.repeat(length - 4)}.a`,
  'the first words of a PEM': (length) => '-----BEGIN '.repeat(length / 11),
  'Bearer and blanks': (length) => `Bearer${' '.repeat(length - 7)}x`,
};

async function shortest(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1) {
    const started = performance.now();
    await run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

async function assertLinear(refuse: (text: string) => Promise<unknown>, text: string) {
  const ordinary = await shortest(() => refuse('a'.repeat(text.length)));
  const cost = await shortest(() => refuse(text));
  assert.ok(cost < 20 * ordinary + 5, `${cost} ms, and ${ordinary} ms for an ordinary text`);
}

for (const [name, textOf] of Object.entries(TEXTS)) {
  test(`an assertion of ${name} is refused in linear time (RFC 7515 §3.1)`, async () => {
    const validator = validatorOf([CLIENT]);
    await assertLinear(async (text) => {
      const parameters = assertionForm(text);
      const refused = validator.validate({ issuer: ISSUER, parameters });
      await assert.rejects(refused, { reason: 'assertion_malformed' });
    }, textOf(16_384));
  });

  test(`a request object of ${name} is refused in linear time (RFC 9101 §6.1)`, async () => {
    await assertLinear(async (request) => {
      const refused = validateRequestObject({ request, client: CLIENT, issuer: ISSUER });
      await assert.rejects(refused, { reason: 'assertion_malformed' });
    }, textOf(65_536));
  });
}
