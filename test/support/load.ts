import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertionForm, signAssertion } from './assertion.js';
import type { TokenEndpoint } from './token-endpoint.js';
import { waitUntil } from './wait-until.js';

/** An assertion that was sent, and what became of its copies. */
export interface SentAssertion {
  readonly form: URLSearchParams;
  /** When it was first sent, in milliseconds since the epoch. */
  readonly sentAt: number;
  readonly statuses: number[];
}

/** A load of valid assertions, each sent twice at once. */
export interface Load {
  readonly sent: SentAssertion[];
  /** Waits until assertions are accepted that are sent from now on. */
  accepted(): Promise<void>;
  /** Waits until so many assertions have been refused since now. */
  refused(count: number): Promise<void>;
  /** The longest that an answer took, in milliseconds. */
  slowest(): number;
  stop(): Promise<void>;
}

const isAccepted = (status: number): boolean => status === 200;

/** Starts a load on a token endpoint whose client is `client`. */
export function startLoad(endpoint: TokenEndpoint, lanes = 8): Load {
  const sent: SentAssertion[] = [];
  let isRunning = true;
  let slowest = 0;

  async function post(assertion: SentAssertion): Promise<void> {
    const started = performance.now();
    const { status } = await endpoint.post(assertion.form);
    slowest = Math.max(slowest, performance.now() - started);
    assertion.statuses.push(status);
  }

  async function lane(): Promise<void> {
    while (isRunning) {
      const form = assertionForm(await signAssertion());
      const assertion: SentAssertion = { form, sentAt: Date.now(), statuses: [] };
      sent.push(assertion);
      await Promise.all([post(assertion), post(assertion)]);
      await sleep(5);
    }
  }

  const running = Promise.all(Array.from({ length: lanes }, lane));
  const countSince = (since: number, counts: (status: number) => boolean): number =>
    sent.filter(({ sentAt, statuses }) => sentAt >= since && statuses.some(counts)).length;

  return {
    sent,
    slowest: () => slowest,
    async accepted() {
      const since = Date.now();
      await waitUntil(async () => countSince(since, isAccepted) >= 20);
    },
    async refused(count) {
      const since = Date.now();
      await waitUntil(async () => countSince(since, (status) => status === 503) >= count);
    },
    async stop() {
      isRunning = false;
      await running;
    },
  };
}

/** Sends each assertion twice again, and checks that none of them was ever accepted twice. */
export async function assertNoneAcceptedTwice(
  endpoint: TokenEndpoint,
  sent: readonly SentAssertion[],
): Promise<void> {
  const waiting = [...sent];
  const lane = async () => {
    for (let assertion = waiting.pop(); assertion !== undefined; assertion = waiting.pop()) {
      const copies = [endpoint.post(assertion.form), endpoint.post(assertion.form)];
      const answers = await Promise.all(copies);
      assertion.statuses.push(...answers.map(({ status }) => status));
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));

  const twice = sent.filter(({ statuses }) => statuses.filter(isAccepted).length > 1);
  assert.deepEqual(twice, []);
  const others = sent
    .flatMap(({ statuses }) => statuses)
    .filter((s) => ![200, 401, 503].includes(s));
  assert.deepEqual(others, []);
  assert.ok(sent.some(({ statuses }) => statuses.some(isAccepted)));
}
