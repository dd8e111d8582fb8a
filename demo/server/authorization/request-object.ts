import { OAuthError, type RemoteJwkSets, validateRequestObject } from 'passport-private-key-jwt';
import type { RegisteredClient } from '../clients/registered-client.js';
import { isShallow } from '../inspector/shallow.js';
import type { Parameters } from '../parameters.js';

/** What request objects are held to. */
export interface RequestObjectPolicy {
  readonly issuer: string;
  /** Whether the rules of FAPI 2.0 hold: pushed requests, PKCE, and no parameter beside an object. */
  readonly fapi: boolean;
  /** Fetches the keys of clients with a `jwks_uri`. */
  readonly jwksUri: RemoteJwkSets;
}

/** A claim as the parameter that it stands for: numbers and JSON may stand unquoted (RFC 9101 §4). */
const asText = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/**
 * Takes the parameters out of a signed authorization request (JAR, RFC 9101 §6.3). What the client
 * sent beside it does not count.
 *
 * @throws {OAuthError} `invalid_request_object`
 */
export async function openRequestObject(
  request: string,
  client: RegisteredClient,
  policy: RequestObjectPolicy,
): Promise<Parameters> {
  const { fapi, ...rules } = policy;
  const { parameters } = await validateRequestObject({ request, client, ...rules });
  if (!isShallow(parameters)) {
    throw new OAuthError('invalid_request_object', 'The request object is nested too deeply.');
  }
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, asText(value)]),
  );
}

/**
 * A `state` beside the object counts if the object has none (OpenID Connect Core §6.1): ASP.NET Core's
 * handler adds it after the event in which applications sign. RFC 9101 §6.3, and so FAPI 2.0, takes no
 * parameter from beside the object.
 */
function stateBeside({ state }: Parameters, signed: Parameters, { fapi }: RequestObjectPolicy) {
  if (state === undefined || signed['state'] !== undefined) return {};
  if (!fapi) return { state };
  throw new OAuthError('invalid_request', 'The state must be inside the request object.');
}

/**
 * Opens the request object of a request, if it has one or must have one.
 *
 * @throws {OAuthError} if the request object is missing or invalid
 */
export async function effectiveParameters(
  parameters: Parameters,
  client: RegisteredClient,
  policy: RequestObjectPolicy,
): Promise<Parameters> {
  const { request } = parameters;
  if (request !== undefined) {
    const signed = await openRequestObject(request, client, policy);
    return { ...stateBeside(parameters, signed, policy), ...signed };
  }
  if (!client.requireSignedRequestObject) return parameters;
  throw new OAuthError('invalid_request', 'The client must sign its authorization requests.');
}
