/** The parameters of an authorization request (RFC 6749 §4.1.1). */
export type AuthorizationRequestParameters = URLSearchParams | Readonly<Record<string, unknown>>;

/** Parameters whose value is JSON: inside a request object it is no text (OIDC Core §6.1). */
const JSON_PARAMETERS = ['claims', 'authorization_details'];

/** Parameters whose value is a number inside a request object (OIDC Core §6.1). */
const NUMBER_PARAMETERS = ['max_age'];

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError(`The parameter ${name} must be JSON`);
  }
}

function claimOf(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (JSON_PARAMETERS.includes(name)) return parseJson(name, value);
  if (!NUMBER_PARAMETERS.includes(name)) return value;
  const number = Number(value);
  if (value !== '' && Number.isSafeInteger(number)) return number;
  throw new TypeError(`The parameter ${name} must be a whole number`);
}

/** The values of each name: one as it is, several (RFC 8707 `resource`) as an array. */
function collect(parameters: URLSearchParams): Record<string, unknown> {
  const names = [...new Set(parameters.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = parameters.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

/**
 * The parameters of an authorization request as the claims of a request object (RFC 9101 §4).
 *
 * @throws {TypeError} where a parameter cannot be inside a request object
 */
export function claimsOfAuthorizationRequest(
  parameters: AuthorizationRequestParameters,
): Record<string, unknown> {
  const collected = parameters instanceof URLSearchParams ? collect(parameters) : parameters;
  for (const name of ['request', 'request_uri']) {
    if (Object.hasOwn(collected, name)) {
      throw new TypeError(`${name} cannot be inside a request object (RFC 9101 §4)`);
    }
  }
  return Object.fromEntries(
    Object.entries(collected).map(([name, value]) => [name, claimOf(name, value)]),
  );
}
