import PassportStrategy from 'passport-strategy';

/**
 * The base class of Passport strategies, typed here so that this package's declarations need no
 * others. Passport adds the methods to each request's own instance.
 */
export interface PassportStrategyBase {
  success(user: object, info?: object): void;
  fail(challenge?: string | number, status?: number): void;
  error(error: unknown): void;
}

/** The base class itself; declared so, since the public declarations extend it. */
export const Strategy = PassportStrategy as unknown as new () => PassportStrategyBase;
