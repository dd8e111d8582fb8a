import { type Command, Option } from 'commander';
import { AssertionService } from '../client/assertion-service.js';
import type { Audience } from '../client/jwt-options.js';
import { ALGORITHMS, type Algorithm } from '../shared/algorithms.js';
import { exchangeLines } from './exchange.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { numberOption, urlOption } from './options.js';
import { print, printJson, style } from './output.js';
import { printable } from './printable.js';
import { readTextFile } from './read-file.js';
import { requestToken, type TokenResult } from './request-token.js';

interface TokenOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly key: string;
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

/** The passphrase comes by the environment, since every user can read the arguments. */
const PASSPHRASE = 'PRIVATE_KEY_PASSPHRASE';

function audienceOf(aud: string): Audience {
  if (aud === 'issuer') return ({ issuer }) => issuer;
  if (aud === 'token_endpoint') return ({ token_endpoint }) => token_endpoint;
  return aud;
}

async function assertionServiceOf(options: TokenOptions): Promise<AssertionService> {
  const { clientId, alg, kid, aud, typ, lifetime } = options;
  const key = await readTextFile(options.key, 'The private key');
  const certificate =
    options.certificate && (await readTextFile(options.certificate, 'The certificate'));
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
  const assertions = await assertionServiceOf(options);
  return requestToken({ issuer, assertions, scope, resource, allowHttp, showTokens });
}

/** Of what is wrong with an assertion a server tells its operator alone. */
const HINT =
  'The log of the server has the reason. To judge an assertion by the rules, give it to the command inspect.';

function lines({ exchanges, outcome, error, clientRefused }: TokenResult): string[] {
  return [
    ...exchanges.flatMap(exchangeLines),
    outcome === 'granted'
      ? style('green', 'The server has granted a token.')
      : style('red', `There is no token: ${printable(error ?? '')}`),
    ...(clientRefused === true ? [HINT] : []),
  ];
}

/**
 * `token`: gets a token by client_credentials, and shows what was sent and answered.
 *
 * @param finish takes the exit code: 1 where there is no token
 */
export function addTokenCommand(program: Command, finish: (exitCode: ExitCode) => void): void {
  program
    .command('token')
    .description('Get a token from a server by client_credentials and an assertion.')
    .requiredOption('--issuer <url>', 'the issuer identifier of the server', urlOption)
    .requiredOption('--client-id <id>', 'the client')
    .requiredOption('--key <file>', 'its private key: PEM or JWK')
    .addOption(new Option('--alg <alg>', 'what to sign with').choices(ALGORITHMS))
    .option('--kid <kid>', 'the kid in the header (default: of the JWK, or the thumbprint)')
    .option('--certificate <file>', 'the certificate of the key, for x5t and x5t#S256')
    .option('--aud <audience>', 'issuer, token_endpoint, or a value', 'issuer')
    .option('--typ <typ>', 'in the header (default: client-authentication+jwt); none for none')
    .option('--lifetime <seconds>', 'of the assertion', numberOption(3600), 60)
    .option('--scope <scope>', 'what to ask for, separated by spaces')
    .option('--resource <url...>', 'for which resource servers (RFC 8707)')
    .option('--allow-http', 'let the server be http, as on localhost')
    .option('--show-token', 'print the tokens of the answer')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `\nThe passphrase of an encrypted key is read from ${PASSPHRASE}. No assertion is printed with its signature.`,
    )
    .action(async (options: TokenOptions) => {
      const result = await token(options);
      if (options.json === true) printJson(result);
      else print(...lines(result));
      finish(result.outcome === 'granted' ? EXIT.ok : EXIT.failed);
    });
}
