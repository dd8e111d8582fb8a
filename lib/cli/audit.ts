import { type Command, Option } from 'commander';
import { isDisabled } from '../clients/policy.js';
import { checkClientSecrets } from '../keys/assert-secrets.js';
import { importSecret } from '../keys/import.js';
import { type AssertionClient, describeSecret, expirationOf, type Secret } from '../keys/secret.js';
import { type Algorithm, FAPI2_ALGORITHMS } from '../shared/jose.js';
import { readClients, repeatedIds } from './files.js';
import { print, printable, printJson, style } from './output.js';
import { EXIT, type ExitCode, numberOption } from './usage.js';

const PROFILES = ['fapi2', 'issuer'] as const;

interface AuditOptions {
  readonly profile?: (typeof PROFILES)[number];
  readonly days: number;
  readonly json?: boolean;
}

interface Finding {
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

interface AuditedClient {
  readonly clientId: string;
  readonly findings: readonly Finding[];
}

const DAY = 86_400;

const METHODS: readonly unknown[] = [undefined, 'private_key_jwt'];

const error = (message: string): Finding => ({ severity: 'error', message });
const warning = (message: string): Finding => ({ severity: 'warning', message });

const dateOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

function expiryFindings(secret: Secret, now: number, days: number): Finding[] {
  const name = describeSecret(secret);
  const ends = [
    ['expire', expirationOf(secret)] as const,
    ...importSecret(secret).keys.map(({ notAfter }) => ['certificate', notAfter] as const),
  ];
  return ends.flatMap(([what, end]) => {
    const subject = what === 'expire' ? 'the secret' : 'its certificate';
    if (end === undefined || end > now + days * DAY) return [];
    return end <= now
      ? [error(`${name}: ${subject} expired at ${dateOf(end)}`)]
      : [warning(`${name}: ${subject} expires at ${dateOf(end)}`)];
  });
}

function fapi2SecretFindings(secret: Secret): Finding[] {
  const name = describeSecret(secret);
  if (secret.type === 'SharedSecret') {
    return [error(`${name}: FAPI 2.0 allows no shared secret: register a key`)];
  }
  if (secret.type === 'FederatedIdentity') {
    return [
      warning(
        `${name}: FAPI 2.0 allows only PS256, ES256 and EdDSA: check what the platform signs with`,
      ),
    ];
  }
  return importSecret(secret).keys.flatMap(({ algorithms, kid }) => {
    if (algorithms.some((alg) => FAPI2_ALGORITHMS.has(alg))) return [];
    const key = kid === undefined ? '' : `, key ${JSON.stringify(kid)}`;
    const takes = algorithms.join(', ');
    return [
      error(
        `${name}${key}: it works with ${takes}, but FAPI 2.0 allows only PS256, ES256 and EdDSA`,
      ),
    ];
  });
}

function fapi2Findings(client: AssertionClient): Finding[] {
  const findings: Finding[] = [];
  for (const [member, alg] of [
    ['token_endpoint_auth_signing_alg', client.tokenEndpointAuthSigningAlg],
    ['request_object_signing_alg', client.requestObjectSigningAlg],
  ] as const) {
    if (alg === undefined || alg === null || FAPI2_ALGORITHMS.has(alg as Algorithm)) continue;
    findings.push(error(`${member} is ${alg}: FAPI 2.0 allows only PS256, ES256 and EdDSA`));
  }
  if (client.clientSecretAllowed === true) {
    findings.push(error('clientSecretAllowed is set: FAPI 2.0 allows no client_secret'));
  }
  return findings;
}

function profileFindings(client: AssertionClient, profile: AuditOptions['profile']): Finding[] {
  if (profile === undefined) return [];
  const method = client.tokenEndpointAuthMethod ?? undefined;
  const findings = METHODS.includes(method)
    ? []
    : [
        error(
          `token_endpoint_auth_method is ${method}: so the client signs no assertions with a key of its own`,
        ),
      ];
  if ((client.maxLifetime ?? 0) > 600) {
    findings.push(
      warning(`maxLifetime is ${client.maxLifetime}, but the mode's default is 600 seconds`),
    );
  }
  return profile === 'fapi2' ? [...findings, ...fapi2Findings(client)] : findings;
}

function findingsOf(client: AssertionClient, { profile, days }: AuditOptions): Finding[] {
  const findings = isDisabled(client) ? [warning('the client is disabled')] : [];
  findings.push(...profileFindings(client, profile));
  if (client.secrets.length === 0) findings.push(error('the client has no secret'));
  const now = Date.now() / 1000;
  for (const secret of client.secrets) {
    try {
      // Each secret is checked alone; method and alg need to fit only one of the secrets.
      const { clientId, tokenEndpointAuthMethod } = client;
      const isForOtherUse = !['private_key_jwt', 'client_secret_jwt'].includes(
        tokenEndpointAuthMethod ?? 'private_key_jwt',
      );
      checkClientSecrets({
        clientId,
        secrets: [secret],
        ...(isForOtherUse && { tokenEndpointAuthMethod }),
      });
    } catch (thrown) {
      findings.push(error((thrown as Error).message.replace(/\.$/, '')));
      continue;
    }
    findings.push(...expiryFindings(secret, now, days));
    if (profile === 'fapi2') findings.push(...fapi2SecretFindings(secret));
  }
  if (findings.some(({ severity }) => severity === 'error')) return findings;
  try {
    checkClientSecrets(client);
  } catch (thrown) {
    findings.push(error((thrown as Error).message.replace(/\.$/, '')));
  }
  return findings;
}

const isBad = ({ findings }: AuditedClient): boolean =>
  findings.some(({ severity }) => severity === 'error');

const NOTE =
  'Audience, lifetime and typ are in the assertions, not in this file: the events of the server show which clients would fail. audit fetches no jwks_uri.';

function lines(clients: readonly AuditedClient[]): string[] {
  const width = Math.max(0, ...clients.map(({ clientId }) => printable(clientId).length));
  const rows = clients.flatMap(({ clientId, findings }) => {
    const name = printable(clientId).padEnd(width);
    if (findings.length === 0) return [`${name}  ${style('green', 'ok')}`];
    return findings.map(({ severity, message }, index) => {
      const mark = style(severity === 'error' ? 'red' : 'yellow', severity.padEnd(7));
      return `${index === 0 ? name : ' '.repeat(width)}  ${mark}  ${printable(message)}`;
    });
  });
  const bad = clients.filter(isBad).length;
  return [...rows, '', `${clients.length} clients, ${bad} of them would fail.`, NOTE];
}

/** `finish` gets the exit code: 1 if a client would fail. */
export function addAuditCommand(program: Command, finish: (exitCode: ExitCode) => void): void {
  program
    .command('audit')
    .description('For each client in a file, list what would fail and what expires soon.')
    .argument('<file>', 'a JSON file with a client or an array of clients')
    .addOption(
      new Option('--profile <profile>', 'the mode that you want to turn on').choices(PROFILES),
    )
    .option(
      '--days <number>',
      'warn of secrets that expire within this many days',
      numberOption(3650),
      30,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${NOTE}`)
    .action(async (file: string, options: AuditOptions) => {
      const all = await readClients(file);
      const repeated = new Set(repeatedIds(all));
      const clients = all.map((client) => ({
        clientId: client.clientId,
        findings: [
          ...(repeated.has(client.clientId) ? [error('several clients have this id')] : []),
          ...findingsOf(client, options),
        ],
      }));
      if (options.json === true) printJson({ profile: options.profile, clients });
      else print(...lines(clients));
      finish(clients.some(isBad) ? EXIT.failed : EXIT.ok);
    });
}
