import { ConfigurationError } from '../../shared/errors.js';
import type { LoginRequest, LoginTokens } from './events.js';
import type { Verified, Verify, VerifyWithRequest } from './options.js';

/** Calls a verify function, whether it takes the request or not. */
export type CallVerify = (
  request: LoginRequest,
  tokens: LoginTokens,
  verified: Verified,
) => unknown;

/**
 * Checks a verify function.
 *
 * @throws {TypeError} where it is none, or does not take what it would be given
 */
export function callVerify(
  verify: Verify | VerifyWithRequest,
  passReqToCallback: boolean,
): CallVerify {
  if (typeof verify !== 'function') throw new TypeError('verify must be a function');
  const taken = passReqToCallback ? ['request', 'tokens', 'verified'] : ['tokens', 'verified'];
  // A function without named parameters may look at them in another way.
  if (verify.length !== 0 && verify.length !== taken.length) {
    throw new TypeError(
      `verify must take (${taken.join(', ')}), since passReqToCallback is ${passReqToCallback}`,
    );
  }
  return passReqToCallback
    ? (verify as VerifyWithRequest)
    : (_request, tokens, verified) => (verify as Verify)(tokens, verified);
}

const warn = (what: string): void => process.emitWarning(`${what}: the login was over before.`);

/**
 * Lets a verify function decide, once: for each further call Passport would answer the request
 * again.
 *
 * @param verify calls the verify function
 * @param settle tells Passport; it must not throw
 */
export async function decide(
  verify: (verified: Verified) => unknown,
  settle: Verified,
): Promise<void> {
  let isSettled = false;
  const verified: Verified = (...outcome) => {
    if (isSettled) {
      warn('verify called verified more than once');
      return;
    }
    isSettled = true;
    settle(...outcome);
  };
  try {
    const returned = verify(verified);
    const value = await returned;
    if (isSettled || value === undefined || !(returned instanceof Promise)) return;
    verified(
      new ConfigurationError('verify returned a value: call verified(null, user) with it instead.'),
    );
  } catch (error) {
    if (isSettled) warn(`verify failed after it had called verified (${error})`);
    else verified(error || new Error('verify failed without an error.'));
  }
}
