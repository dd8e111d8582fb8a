import type { Failure } from '../reasons.js';

/** The value of `client_assertion_type` (RFC 7523 §2.2). */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The grant type of RFC 7523 §2.1, which some documentation prints as an assertion type. */
const JWT_BEARER_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const PARAMETERS = [
  'client_assertion',
  'client_assertion_type',
  'client_id',
  'client_secret',
] as const;
type ParameterName = (typeof PARAMETERS)[number];

/** The parameters of client authentication that a request carries (RFC 7521 §4.2). */
export interface ClientAssertionParameters {
  readonly client_assertion: string;
  readonly client_assertion_type: string;
  readonly client_id?: string | undefined;
}

/** What a request says about client authentication, before anything of it is believed. */
export type Parameters =
  | { readonly found: 'assertion'; readonly parameters: ClientAssertionParameters }
  | { readonly found: 'none' }
  | { readonly found: 'failure'; readonly failure: Failure };

const failure = (reason: Failure['reason'], actual?: unknown): Parameters => ({
  found: 'failure',
  failure: actual === undefined ? { reason } : { reason, actual },
});

/**
 * Reads the form of a request to an OAuth endpoint.
 *
 * A parameter without a value counts as omitted (RFC 6749 §3.2). One that came twice, which body
 * parsers hand over as an array or object, is refused.
 *
 * @param form the parsed `application/x-www-form-urlencoded` body
 * @param options.authorization whether the request has an Authorization header, which together
 *   with an assertion would be a second method of authentication (RFC 6749 §2.3)
 * @param options.acceptGrantTypeAsAssertionType also take the URN of the JWT bearer grant
 */
export function readParameters(
  form: Readonly<Record<string, unknown>>,
  options: { readonly authorization: boolean; readonly acceptGrantTypeAsAssertionType: boolean },
): Parameters {
  const sent: Partial<Record<ParameterName, string>> = {};
  let repeated: ParameterName | undefined;
  for (const name of PARAMETERS) {
    const value = Object.hasOwn(form, name) ? form[name] : undefined;
    if (typeof value === 'string') {
      if (value !== '') sent[name] = value;
    } else if (value !== undefined && value !== null) {
      repeated ??= name;
    }
  }
  if (repeated !== undefined) return failure('parameter_repeated', repeated);

  const { client_assertion, client_assertion_type, client_id, client_secret } = sent;
  if (client_assertion === undefined) {
    return client_assertion_type === undefined
      ? { found: 'none' }
      : failure('client_assertion_missing');
  }
  if (client_assertion_type === undefined) return failure('client_assertion_type_missing');
  if (client_secret !== undefined || options.authorization) {
    return failure('multiple_authentication_methods');
  }
  if (client_assertion_type === JWT_BEARER_GRANT_TYPE) {
    if (!options.acceptGrantTypeAsAssertionType) {
      return failure('client_assertion_type_is_grant_type');
    }
  } else if (client_assertion_type !== CLIENT_ASSERTION_TYPE) {
    return failure('client_assertion_type_unsupported', client_assertion_type);
  }
  return {
    found: 'assertion',
    parameters: { client_assertion, client_assertion_type, client_id },
  };
}

/**
 * Whether a request uses more than one method of client authentication (RFC 6749 §2.3): an
 * assertion, a client_secret, the Authorization header.
 */
export function usesSeveralMethods(
  form: Readonly<Record<string, unknown>>,
  authorization: boolean,
): boolean {
  const sent = (name: ParameterName) =>
    Object.hasOwn(form, name) && form[name] !== undefined && form[name] !== '';
  const methods = [sent('client_assertion'), sent('client_secret'), authorization];
  return methods.filter(Boolean).length > 1;
}
