import type { IncomingMessage } from 'node:http';
import { credentialsIn, formOf } from '../assertion/credentials.js';
import { type Explanation, explainWithClient } from '../assertion/explain.js';
import {
  CLIENT_ASSERTION_OPTIONS,
  type ClientAssertionOptions,
  settingsFrom,
} from '../assertion/options.js';
import {
  AssertionPipeline,
  type AuthenticatedClient,
  type ClientAuthentication,
} from '../assertion/pipeline.js';
import { CLIENT_ASSERTION_HINTS } from '../assertion/rules.js';
import type { FindClient } from '../clients/lookup.js';
import type { AssertionClient } from '../keys/secret.js';
import { OAuthError } from '../shared/errors.js';
import { FORM_TYPE, type FormRequest, oauthAnswer, readWebForm } from '../shared/http.js';
import { readOptions } from '../shared/options.js';
import { RequestAuthenticator } from './request-authenticator.js';
import { endpointAt } from './server-identity.js';

interface Called {
  /** The issuer identifier of the authorization server (RFC 8414 §2). */
  readonly issuer: string;
  /** The URL of the token endpoint. */
  readonly tokenEndpoint?: string | undefined;
  /**
   * The URL of the called endpoint, if it is not the token endpoint. Default for a whole request:
   * the origin of the issuer plus the path of the request.
   */
  readonly endpoint?: string | undefined;
  /**
   * The Authorization header, or whether there is one; it counts as a second method. Default none.
   */
  readonly authorization?: string | boolean | undefined;
  /** Passed to the client lookup. Default for `authenticate`: the request. */
  readonly context?: unknown;
}

/** A request with an assertion, and the server that received it. */
export interface ClientAssertionRequest extends Called {
  /** The parsed form: an object, URLSearchParams or FormData. Other parameters are ignored. */
  readonly parameters: object | undefined;
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

const isOptionalName = (value: unknown): boolean => value === undefined || isName(value);

/** A server without a name would match an assertion without `aud`. */
function checkServerIdentity({ issuer, tokenEndpoint, endpoint }: Called): void {
  if (!isName(issuer)) throw new TypeError('issuer must be the issuer identifier, a URL');
  if (!isOptionalName(tokenEndpoint)) throw new TypeError('tokenEndpoint must be a URL');
  if (!isOptionalName(endpoint)) throw new TypeError('endpoint must be a URL');
}

const GIVEN = 'give it to validate or authenticate';
const HINTS = { ...CLIENT_ASSERTION_HINTS, issuer: GIVEN, tokenEndpoint: GIVEN, endpoint: GIVEN };

/** In bytes, like express.urlencoded, in addition to the assertion. */
const OTHER_PARAMETERS = 102_400;

const HEADERS = ['authorization', 'content-type', 'content-encoding', 'content-length'] as const;

const isWebRequest = (request: Request | IncomingMessage): request is Request =>
  typeof request.headers?.get === 'function' && typeof request.method === 'string';

const isNodeRequest = (request: Partial<IncomingMessage>): boolean =>
  typeof request.headers === 'object' && Symbol.asyncIterator in request;

function headOf(
  request: Request | IncomingMessage | URLSearchParams,
  { authorization: given }: Called,
): FormRequest {
  if (request instanceof URLSearchParams) {
    const authorization = given === true ? 'Basic' : given || undefined;
    return { method: 'POST', headers: { 'content-type': FORM_TYPE, authorization } };
  }
  if (isWebRequest(Object(request))) {
    const { headers, method, url } = request as Request;
    const sent = HEADERS.map((name) => [name, headers.get(name) ?? undefined]);
    const path = new URL(url, 'http://localhost').pathname;
    return { method, url: path, headers: Object.fromEntries(sent) };
  }
  if (isNodeRequest(Object(request))) return request as IncomingMessage;
  throw new TypeError(
    'authenticate takes a Request, a request of node:http, or the form as URLSearchParams',
  );
}

/**
 * Validates client assertions (RFC 7521 §4.2, RFC 7523 §3) without Express or Passport.
 * @example
 * ```ts
 * const validator = new ClientAssertionValidator({}, (clientId) => clients.get(clientId));
 * async function token(request: Request): Promise<Response> {
 *   const { client, answer } = await validator.authenticate(request, { issuer: 'https://as.example' });
 *   if (answer !== undefined) return new Response(answer.body, answer);
 *   return Response.json({ access_token: `a token for ${client.clientId}` });
 * }
 * ```
 */
export class ClientAssertionValidator<Client extends AssertionClient = AssertionClient> {
  readonly #pipeline: AssertionPipeline<Client>;

  /** @throws {TypeError | ConfigurationError} if an option is wrong */
  constructor(options: ClientAssertionOptions, findClient: FindClient<Client>) {
    const owner = 'ClientAssertionValidator';
    const given = readOptions(owner, options, CLIENT_ASSERTION_OPTIONS, HINTS);
    this.#pipeline = new AssertionPipeline(settingsFrom(given), findClient);
  }

  /**
   * Authenticates the client of a request like `authenticateClient`. Returns the client, or a
   * refusal that is ready to send (RFC 6749 §5.2): `new Response(answer.body, answer)`, or
   * `writeHead(answer.status, answer.headers).end(answer.body)`.
   * @param request a WHATWG Request or one of node:http, whose body is read: at most 102,400 bytes
   *   and `maxAssertionLength`, 1,000 parameters, in UTF-8, not compressed. Or the form alone:
   *   check method and content type, and give `authorization` too
   * @param called the identity of the server. `otherwise` authenticates requests without an
   *   assertion: it returns the client, or undefined. Default: such requests are refused
   * @returns `parameters` is the whole form; `authentication` is undefined after `otherwise`
   * @throws {TypeError} if `called` and the request do not identify the server
   * @throws {ConfigurationError} if the body was already read
   */
  async authenticate(
    request: Request | IncomingMessage | URLSearchParams,
    called: Called & {
      readonly otherwise?: (
        parameters: URLSearchParams,
        authorization: string | undefined,
      ) => Client | false | null | undefined | Promise<Client | false | null | undefined>;
    },
  ): Promise<
    | {
        readonly client: Client;
        readonly authentication: ClientAuthentication | undefined;
        readonly parameters: URLSearchParams;
        readonly answer?: undefined;
        readonly error?: undefined;
      }
    | {
        readonly client?: undefined;
        readonly authentication?: undefined;
        readonly parameters?: undefined;
        readonly answer: {
          readonly status: number;
          readonly headers: Record<string, string>;
          readonly body: string;
        };
        readonly error: OAuthError;
      }
  > {
    checkServerIdentity(called);
    const head = headOf(request, called);
    const { issuer, tokenEndpoint, otherwise } = called;
    const isForm = request instanceof URLSearchParams;
    const context = called.context ?? request;
    const endpoint = called.endpoint ?? endpointAt(issuer, head.originalUrl ?? head.url);
    const authenticator = new RequestAuthenticator<Client, FormRequest>(this.#pipeline, () => ({
      issuer,
      tokenEndpoint,
      endpoint,
    }));
    const { authorization } = head.headers;
    try {
      const most = OTHER_PARAMETERS + this.#pipeline.settings.maxAssertionLength;
      const parameters = isForm ? request : await readWebForm(request, head, most);
      const { method, url, headers } = head;
      const body = formOf(parameters);
      const read: FormRequest = { method, url, headers, body, readableDidRead: true };
      const authenticated = await authenticator.authenticate(read, undefined, context);
      if (authenticated !== undefined) return { ...authenticated, parameters };
      await authenticator.assertOneMethod(read);
      const client = await otherwise?.(parameters, authorization);
      if (!client) throw await authenticator.reportAbsence(read);
      await authenticator.admit(read, client);
      return { client, authentication: undefined, parameters };
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return { answer: oauthAnswer(error, authorization), error };
    }
  }

  /**
   * Validates an assertion and uses it up.
   * @throws {ClientAuthenticationError} if the client is not authenticated
   * @throws {TypeError} if the request does not identify the server
   */
  async validate(request: ClientAssertionRequest): Promise<AuthenticatedClient<Client>> {
    checkServerIdentity(request);
    const { parameters, authorization, context } = request;
    return await this.#pipeline.authenticate(
      credentialsIn(formOf(parameters), authorization),
      request,
      context,
    );
  }

  /**
   * Runs every check, even after a failure, without using the assertion up. The replay store is not
   * consulted. For operators only: it reveals the keys of any client.
   */
  explain(request: ClientAssertionRequest): Promise<Explanation> {
    const { settings, findClient } = this.#pipeline;
    return explainWithClient(request, settings, findClient);
  }
}
