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

/** @internal */
export const Strategy = PassportStrategy as unknown as new () => PassportStrategyBase;
