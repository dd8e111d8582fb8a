import { CLIENT_ASSERTION_TYPE } from '../shared/jwt-types.js';
import type { Failure, Reason } from '../shared/reasons.js';

/** The grant type of RFC 7523 §2.1, which some documentation prints as an assertion type. */
const JWT_BEARER_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const NAMES = ['client_assertion', 'client_assertion_type', 'client_id', 'client_secret'] as const;
type ParameterName = (typeof NAMES)[number];

/**
 * The parameters of client authentication (RFC 7521 §4.2, RFC 6749 §2.3.1) as a form carries them:
 * what a parser made of them, and nothing about them is sure yet.
 *
 * @useDeclaredType
 */
export type ClientAssertionParameters = { readonly [Name in ParameterName]?: unknown };

/** An assertion that a request carries as it should, and nothing else that authenticates. */
export interface AssertionInRequest {
  readonly failure?: undefined;
  readonly assertion: string;
  readonly clientIdParameter: string | undefined;
}

/** A parameter without a value counts as omitted (RFC 6749 §3.2). */
function sentValue(form: ClientAssertionParameters, name: ParameterName): unknown {
  if (!Object.hasOwn(form, name)) return undefined;
  const value = form[name];
  return value === null || value === '' ? undefined : value;
}

/** Whether a form tries to authenticate by an assertion, rightly or not. */
export function hasAssertion(form: ClientAssertionParameters): boolean {
  return (
    sentValue(form, 'client_assertion') !== undefined ||
    sentValue(form, 'client_assertion_type') !== undefined
  );
}

/** How a request authenticates: the names of what it carries for it. */
export function methodsIn(form: ClientAssertionParameters, authorization: boolean): string[] {
  return [
    ...(hasAssertion(form) ? ['client_assertion'] : []),
    ...(sentValue(form, 'client_secret') === undefined ? [] : ['client_secret']),
    ...(authorization ? ['Authorization'] : []),
  ];
}

/**
 * What is wrong with a request whatever its method of authentication: a parameter that came twice,
 * which body parsers hand over as an array or object (RFC 6749 §3.2), or more than one method
 * (RFC 6749 §2.3).
 *
 * @param authorization whether the request has an Authorization header
 */
export function methodFailure(
  form: ClientAssertionParameters,
  authorization: boolean,
): Failure | undefined {
  for (const name of NAMES) {
    const value = sentValue(form, name);
    if (value !== undefined && typeof value !== 'string') {
      return { reason: 'parameter_repeated', actual: name };
    }
  }
  const methods = methodsIn(form, authorization);
  return methods.length > 1
    ? { reason: 'multiple_authentication_methods', expected: 'one method', actual: methods }
    : undefined;
}

function typeFailure(type: string, acceptGrantType: boolean): Failure | undefined {
  if (type === CLIENT_ASSERTION_TYPE) return undefined;
  if (type !== JWT_BEARER_GRANT_TYPE) {
    return {
      reason: 'client_assertion_type_unsupported',
      expected: CLIENT_ASSERTION_TYPE,
      actual: type,
    };
  }
  return acceptGrantType ? undefined : { reason: 'client_assertion_type_is_grant_type' };
}

/**
 * Reads the assertion of a request to an OAuth endpoint.
 *
 * @param options.authorization whether the request has an Authorization header, which together
 *   with an assertion would be a second method of authentication (RFC 6749 §2.3)
 * @param options.acceptGrantType also take the URN of the JWT bearer grant
 */
export function readParameters(
  form: ClientAssertionParameters,
  options: { readonly authorization: boolean; readonly acceptGrantType: boolean },
): AssertionInRequest | { readonly failure: Failure } {
  const fail = (reason: Reason) => ({ failure: { reason } });
  if (!hasAssertion(form)) return fail('client_assertion_absent');
  const wrong = methodFailure(form, options.authorization);
  if (wrong !== undefined) return { failure: wrong };

  // What methodFailure lets pass is a string or was not sent.
  const textOf = (name: ParameterName) => sentValue(form, name) as string | undefined;
  const assertion = textOf('client_assertion');
  const type = textOf('client_assertion_type');
  if (assertion === undefined) return fail('client_assertion_missing');
  if (type === undefined) return fail('client_assertion_type_missing');
  const failure = typeFailure(type, options.acceptGrantType);
  if (failure !== undefined) return { failure };
  return { assertion, clientIdParameter: textOf('client_id') };
}
