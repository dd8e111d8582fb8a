import { OAuthError, type RemoteJwkSets, validateRequestObject } from 'passport-private-key-jwt';
import type { RegisteredClient } from '../clients/registered-client.js';
import type { Parameters } from '../parameters.js';

/** What request objects are held to. */
export interface RequestObjectPolicy {
  readonly issuer: string;
  readonly strict: boolean;
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
  const { parameters } = await validateRequestObject({
    request,
    client,
    ...policy,
  });
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, asText(value)]),
  );
}

/**
 * Opens the request object of a request, where it has one or must have one.
 *
 * @throws {OAuthError} where the request object is missing or invalid
 */
export async function effectiveParameters(
  parameters: Parameters,
  client: RegisteredClient,
  policy: RequestObjectPolicy,
): Promise<Parameters> {
  const { request } = parameters;
  if (request !== undefined) return openRequestObject(request, client, policy);
  if (!client.requireSignedRequestObject) return parameters;
  throw new OAuthError('invalid_request', 'The client must sign its authorization requests.');
}
