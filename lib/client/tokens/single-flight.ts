/** Does one thing at a time for each key: who asks meanwhile gets the result that is under way. */
export class SingleFlight<Result> {
  readonly #underWay = new Map<string, Promise<Result>>();

  /** What is under way for a key. */
  underWay(key: string): Promise<Result> | undefined {
    return this.#underWay.get(key);
  }

  run(key: string, work: () => Promise<Result>): Promise<Result> {
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const started = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, started);
    return started;
  }
}
