import { CLIENT_ASSERTION_TYPE } from '../shared/jose.js';
import type { Failure } from '../shared/reasons.js';

/** RFC 7523 §2.1. Some documentation prints it as an assertion type. */
const JWT_BEARER_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const NAMES = ['client_assertion', 'client_assertion_type', 'client_id', 'client_secret'] as const;

/** RFC 6749 §2.3.1, §3.2, RFC 7521 §4.2. Parsers make a repeated parameter an array or object. */
export interface Credentials {
  readonly client_assertion: unknown;
  readonly client_assertion_type: unknown;
  readonly client_id: unknown;
  readonly client_secret: unknown;
  readonly authorization: boolean;
}

type Form = Readonly<Record<string, unknown>>;

const parsed = (form: URLSearchParams | FormData): Form =>
  Object.fromEntries(
    NAMES.map((name) => {
      const values = form.getAll(name);
      return [name, values.length > 1 ? values : values[0]];
    }),
  );

const isWebForm = (value: object): value is URLSearchParams | FormData =>
  value instanceof URLSearchParams || Object.prototype.toString.call(value) === '[object FormData]';

/** An object, URLSearchParams or FormData. Null and undefined count as an empty form. */
export function formOf(parameters: unknown): Form {
  if (parameters === undefined || parameters === null) return {};
  if (typeof parameters === 'object') {
    const isPlain = !(Symbol.iterator in parameters) && !ArrayBuffer.isView(parameters);
    if (isPlain) return parameters as Form;
    if (isWebForm(parameters)) return parsed(parameters);
  }
  throw new TypeError('parameters must be the parsed form: an object, URLSearchParams or FormData');
}

function sentValue(form: Form, name: string): unknown {
  if (!Object.hasOwn(form, name)) return undefined;
  const value = form[name];
  return value === null || value === '' ? undefined : value;
}

/** An empty Authorization header counts as absent: some gateways add one. */
export const credentialsIn = (
  form: Form,
  authorization: string | boolean | undefined,
): Credentials => ({
  client_assertion: sentValue(form, 'client_assertion'),
  client_assertion_type: sentValue(form, 'client_assertion_type'),
  client_id: sentValue(form, 'client_id'),
  client_secret: sentValue(form, 'client_secret'),
  authorization:
    typeof authorization === 'string' ? authorization.trim() !== '' : Boolean(authorization),
});

export const hasAssertion = (sent: Credentials): boolean =>
  sent.client_assertion !== undefined || sent.client_assertion_type !== undefined;

export function methodsIn(sent: Credentials): string[] {
  return [
    ...(hasAssertion(sent) ? ['client_assertion'] : []),
    ...(sent.client_secret === undefined ? [] : ['client_secret']),
    ...(sent.authorization ? ['Authorization'] : []),
  ];
}

/** A repeated parameter (RFC 6749 §3.2), or more than one method (RFC 6749 §2.3). */
export function methodFailure(sent: Credentials): Failure | undefined {
  for (const name of NAMES) {
    const value = sent[name];
    if (value !== undefined && typeof value !== 'string') {
      return { reason: 'parameter_repeated', actual: name };
    }
  }
  const isOne = !sent.authorization && (sent.client_secret === undefined || !hasAssertion(sent));
  if (isOne) return undefined;
  const methods = methodsIn(sent);
  return methods.length > 1
    ? { reason: 'multiple_authentication_methods', expected: 'one method', actual: methods }
    : undefined;
}

/** If undefined, `client_assertion` is a string and `client_id` a string or undefined. */
export function assertionFailure(sent: Credentials, acceptGrantType: boolean): Failure | undefined {
  if (!hasAssertion(sent)) return { reason: 'client_assertion_absent' };
  const wrong = methodFailure(sent);
  if (wrong !== undefined) return wrong;
  if (sent.client_assertion === undefined) return { reason: 'client_assertion_missing' };
  const type = sent.client_assertion_type;
  if (type === CLIENT_ASSERTION_TYPE) return undefined;
  if (type === undefined) return { reason: 'client_assertion_type_missing' };
  if (type === JWT_BEARER_GRANT_TYPE) {
    return acceptGrantType ? undefined : { reason: 'client_assertion_type_is_grant_type' };
  }
  return {
    reason: 'client_assertion_type_unsupported',
    expected: CLIENT_ASSERTION_TYPE,
    actual: type,
  };
}
