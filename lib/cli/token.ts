import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Configuration, CustomFetch } from 'openid-client';
import { AssertionService } from '../client/assertion-service.js';
import type { AssertionSource } from '../client/assertion-source.js';
import type { Audience } from '../client/jwt.js';
import { ConfigurationError } from '../shared/errors.js';
import { ALGORITHMS, type Algorithm } from '../shared/jose.js';
import { type Exchange, exchangeLines, exchangeOf } from './exchange.js';
import { readBytes } from './files.js';
import { print, printable, printJson, style } from './output.js';
import {
  EXIT,
  type ExitCode,
  importOptionalPeer,
  numberOption,
  UsageError,
  urlOption,
} from './usage.js';

interface TokenRequest {
  readonly issuer: string;
  readonly assertions: AssertionSource;
  readonly scope?: string | undefined;
  readonly resource?: readonly string[] | undefined;
  readonly allowHttp: boolean;
  readonly showTokens: boolean;
}

interface TokenResult {
  readonly outcome: 'granted' | 'refused';
  readonly error?: string | undefined;
  /** The server gives no reason (RFC 6749 §5.2). */
  readonly clientRefused?: boolean | undefined;
  readonly exchanges: readonly Exchange[];
}

/** openid-client's message says only that a request failed; its cause has the reason. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof ConfigurationError) return cause.message;
  const reason =
    cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : undefined;
  return reason === undefined ? error.message : `${error.message} (${reason})`;
}

function oauthErrorOf(exchange: Exchange | undefined) {
  const body = exchange?.body as { error?: unknown; error_description?: unknown } | undefined;
  if (typeof body?.error !== 'string') return undefined;
  const { error, error_description: description } = body;
  return { error, text: typeof description === 'string' ? `${error}: ${description}` : error };
}

const wasNotFound = ({ status }: Exchange): boolean => status === 404;

/** The error pages of a server without metadata explain nothing. */
const noMetadata = (exchanges: readonly Exchange[]): string =>
  `there is no metadata at ${exchanges.map(({ url }) => url).join(' or ')}: is the issuer written exactly as in the server’s metadata?`;

/** openid-client is an optional peer: keygen and inspect run without it. */
const loadOpenIdClient = () =>
  importOptionalPeer('token', ['openid-client'], () =>
    Promise.all([
      import('openid-client'),
      import('../client/assertion-source.js'),
      import('../client/tokens/provider.js'),
    ]),
  );

/** OpenID Connect Discovery, otherwise RFC 8414. */
export async function requestToken(request: TokenRequest): Promise<TokenResult> {
  const [client, { clientAssertion }, { boundedText }] = await loadOpenIdClient();
  const { issuer, assertions, scope, resource = [], allowHttp, showTokens } = request;
  const exchanges: Exchange[] = [];
  const answerOf = async (url: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(url, init);
    const text = await boundedText(response);
    if (text === undefined) throw new Error('the answer is too long');
    const { status, statusText, headers } = response;
    return new Response(text === '' ? null : text, { status, statusText, headers });
  };
  const recordingFetch: CustomFetch = async (url, options) => {
    const response = await answerOf(url, options as RequestInit).catch(async (error: unknown) => {
      exchanges.push(await exchangeOf(url, options, undefined, showTokens));
      throw error;
    });
    exchanges.push(await exchangeOf(url, options, response, showTokens));
    return response;
  };
  const discover = (algorithm: 'oidc' | 'oauth2'): Promise<Configuration> =>
    client.discovery(new URL(issuer), assertions.clientId, undefined, clientAssertion(assertions), {
      [client.customFetch]: recordingFetch,
      algorithm,
      execute: allowHttp ? [client.allowInsecureRequests] : [],
    });

  try {
    const config = await discover('oidc').catch((error: unknown) => {
      if (exchanges.every(wasNotFound)) return discover('oauth2');
      throw error;
    });
    const parameters = new URLSearchParams(scope === undefined ? {} : { scope });
    for (const value of resource) parameters.append('resource', value);
    await client.clientCredentialsGrant(config, parameters);
    return { outcome: 'granted', exchanges };
  } catch (error) {
    const answered = oauthErrorOf(exchanges.at(-1));
    return {
      outcome: 'refused',
      error: exchanges.every(wasNotFound)
        ? noMetadata(exchanges)
        : (answered?.text ?? messageOf(error)),
      clientRefused: answered?.error === 'invalid_client',
      exchanges,
    };
  }
}

interface TokenOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly key?: string;
  readonly assertionFile?: string;
  readonly alg?: Algorithm;
  readonly kid?: string;
  readonly certificate?: string;
  readonly aud: string;
  readonly typ?: string;
  readonly lifetime: number;
  readonly scope?: string;
  readonly resource?: readonly string[];
  readonly allowHttp?: boolean;
  readonly showToken?: boolean;
  readonly json?: boolean;
}

/** An environment variable, because every user of the machine can read arguments. */
const PASSPHRASE = 'PRIVATE_KEY_PASSPHRASE';

function audienceOf(aud: string): Audience {
  if (aud === 'issuer') return ({ issuer }) => issuer;
  if (aud === 'token_endpoint') return ({ token_endpoint }) => token_endpoint;
  return aud;
}

async function assertionsOf(options: TokenOptions): Promise<AssertionSource> {
  const { clientId, assertionFile, key } = options;
  if ((key === undefined) === (assertionFile === undefined)) {
    throw new UsageError('Give --key, or --assertion-file for a platform’s token.');
  }
  if (assertionFile === undefined) return assertionServiceOf(options, key ?? '');
  const [, { assertionFrom }] = await loadOpenIdClient();
  return assertionFrom(() => readFile(assertionFile, 'utf8'), { clientId });
}

async function assertionServiceOf(
  options: TokenOptions,
  keyFile: string,
): Promise<AssertionService> {
  const { clientId, alg, kid, aud, typ, lifetime } = options;
  const key = await readBytes(keyFile, 'The private key');
  const certificate =
    options.certificate && (await readBytes(options.certificate, 'The certificate'));
  const passphrase = process.env[PASSPHRASE];
  try {
    return new AssertionService({
      clientId,
      key: { key, passphrase, alg, kid, certificate },
      audience: audienceOf(aud),
      lifetime,
      typ: typ === 'none' ? false : typ,
    });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

async function token(options: TokenOptions): Promise<TokenResult> {
  const { issuer, scope, resource, allowHttp = false, showToken: showTokens = false } = options;
  if (new URL(issuer).protocol === 'http:' && !allowHttp) {
    throw new UsageError('The issuer is http: use https, or --allow-http for development.');
  }
  const assertions = await assertionsOf(options);
  return requestToken({ issuer, assertions, scope, resource, allowHttp, showTokens });
}

/** Servers tell only their operator what is wrong with an assertion. */
const HINT =
  "The server's log has the reason. To check an assertion against the rules, run inspect on it.";

function lines({ exchanges, outcome, error, clientRefused }: TokenResult): string[] {
  return [
    ...exchanges.flatMap(exchangeLines),
    outcome === 'granted'
      ? style('green', 'The server granted a token.')
      : style('red', `The server granted no token: ${printable(error ?? '')}`),
    ...(clientRefused === true ? [HINT] : []),
  ];
}

/** `finish` gets the exit code: 1 if there is no token. */
export function addTokenCommand(program: Command, finish: (exitCode: ExitCode) => void): void {
  program
    .command('token')
    .description('Get a token from a server by client_credentials and an assertion.')
    .requiredOption('--issuer <url>', 'the issuer identifier of the server', urlOption)
    .requiredOption('--client-id <id>', 'the client')
    .option('--key <file>', 'the private key of the client: PEM or JWK')
    .option('--assertion-file <file>', 'the file of a platform’s token, instead of --key')
    .addOption(new Option('--alg <alg>', 'the algorithm of the signature').choices(ALGORITHMS))
    .option('--kid <kid>', 'the kid in the header (default: the kid of the JWK, or the thumbprint)')
    .option('--certificate <file>', 'the certificate of the key, for x5t and x5t#S256')
    .option('--aud <audience>', 'the audience: issuer, token_endpoint, or a value', 'issuer')
    .option(
      '--typ <typ>',
      'the typ in the header (default: client-authentication+jwt); none sends no typ',
    )
    .option(
      '--lifetime <seconds>',
      'the lifetime of the assertion, in seconds',
      numberOption(3600),
      60,
    )
    .option('--scope <scope>', 'the scopes to ask for, separated by spaces')
    .option('--resource <url...>', 'the resource servers that the token is for (RFC 8707)')
    .option('--allow-http', 'allow a server over http, such as localhost')
    .option('--show-token', 'print the tokens in the answer')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `\nIf the key is encrypted, set its passphrase in ${PASSPHRASE}. The signature of an assertion is never printed.`,
    )
    .action(async (options: TokenOptions) => {
      const result = await token(options);
      if (options.json === true) printJson(result);
      else print(...lines(result));
      finish(result.outcome === 'granted' ? EXIT.ok : EXIT.failed);
    });
}
