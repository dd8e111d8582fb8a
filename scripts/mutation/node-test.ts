import { mock } from 'node:test';

type Step = (...args: unknown[]) => unknown;

/** One test that a file has registered. */
export interface Test {
  readonly name: string;
  readonly step: Step;
}

/**
 * What a test file sees as `node:test`. It only notes the tests, so that each of them can run alone
 * and as often as needed; `node:test` itself runs every test once, and all of them.
 */
export class TestFile {
  readonly tests: Test[] = [];
  readonly #before: Step[] = [];
  readonly #after: Step[] = [];
  readonly #beforeEach: Step[] = [];
  readonly #afterEach: Step[] = [];

  /** The exports of `node:test`, as far as the tests of this repository use them. */
  get module(): object {
    const test = (...args: unknown[]) => {
      const found = read(args);
      if (found !== undefined) this.tests.push(found);
      return Promise.resolve();
    };
    const describe = (...args: unknown[]) => read(args)?.step();
    const hooks = {
      before: (hook: Step) => this.#before.push(hook),
      after: (hook: Step) => this.#after.push(hook),
      beforeEach: (hook: Step) => this.#beforeEach.push(hook),
      afterEach: (hook: Step) => this.#afterEach.push(hook),
    };
    const all = { test, it: test, describe, suite: describe, mock, ...hooks };
    return { ...all, default: Object.assign(test, all, { skip: () => {}, todo: () => {} }) };
  }

  async begin(): Promise<void> {
    for (const hook of this.#before) await hook();
  }

  /** Throws what the test, or a step before or after it, has thrown. */
  run(test: Test): Promise<void> {
    return runTest(test, this.#beforeEach, this.#afterEach);
  }

  async end(): Promise<void> {
    for (const hook of this.#after) await hook();
  }
}

/** The test that these arguments describe: only the function is required. Undefined for a skipped test. */
function read(args: readonly unknown[]): Test | undefined {
  const name = args.find((value) => typeof value === 'string') ?? '';
  const step = args.find((value): value is Step => typeof value === 'function');
  const options = args.find((value) => typeof value === 'object' && value !== null);
  const { skip, todo } = { skip: false, todo: false, ...options };
  const isLeftOut = step === undefined || isSet(skip) || isSet(todo);
  return isLeftOut ? undefined : { name, step };
}

const isSet = (value: unknown): boolean => value !== false && value !== undefined;

async function runTest(
  { name, step }: Test,
  before: readonly Step[] = [],
  after: readonly Step[] = [],
): Promise<void> {
  const Tracker = mock.constructor as new () => typeof mock;
  const tracker = new Tracker();
  const ended = new AbortController();
  const last: Step[] = [];
  const context = {
    name,
    mock: tracker,
    signal: ended.signal,
    after: (hook: Step) => last.push(hook),
    test: async (...args: unknown[]) => {
      const part = read(args);
      if (part !== undefined) await runTest(part);
    },
    diagnostic: () => {},
    skip: () => {},
  };
  const errors: unknown[] = [];
  const attempt = async (work: () => unknown) => {
    try {
      await work();
    } catch (error) {
      errors.push(error);
    }
  };
  await attempt(async () => {
    for (const hook of before) await hook(context);
    await (step.length > 1 ? calledBack(step, context) : step(context));
  });
  for (const hook of [...last, ...after]) await attempt(() => hook(context));
  await attempt(() => tracker.reset());
  ended.abort();
  if (errors.length > 0) throw errors[0];
}

const calledBack = (step: Step, context: object): Promise<void> =>
  new Promise((resolve, reject) => {
    step(context, (error?: unknown) => (error ? reject(error) : resolve()));
  });
