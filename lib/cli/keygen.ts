import { Buffer } from 'node:buffer';
import {
  createHash,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  webcrypto,
} from 'node:crypto';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { type Command, Option } from 'commander';
import { SigningKey } from '../client/keys/signing-key.js';
import type { ClientMetadata } from '../clients/metadata.js';
import type { AssertionClient, JsonWebKey, JsonWebKeySet, Secret } from '../keys/secret.js';
import { type NewFile, writePrivateFiles } from './files.js';
import { json, print, printable, printJson, style } from './output.js';
import { importOptionalPeer, numberOption, UsageError } from './usage.js';

const generate = promisify(generateKeyPair);

const KEY_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

async function generatePrivateKey(alg: KeyAlgorithm): Promise<KeyObject> {
  switch (alg) {
    case 'ES256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
    case 'ES384':
      return (await generate('ec', { namedCurve: 'P-384' })).privateKey;
    case 'ES512':
      return (await generate('ec', { namedCurve: 'P-521' })).privateKey;
    case 'EdDSA':
      return (await generate('ed25519')).privateKey;
    default:
      return (await generate('rsa', { modulusLength: 2048 })).privateKey;
  }
}

export interface CertificateOptions {
  readonly alg: KeyAlgorithm;
  readonly privateKey: KeyObject;
  readonly commonName: string;
  readonly days: number;
}

type Algorithm = webcrypto.EcKeyImportParams & webcrypto.RsaHashedImportParams;

const SHA256_WITH_RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

/** WebCrypto's names. */
const SIGNATURE_ALGORITHMS: Readonly<Record<KeyAlgorithm, Partial<Algorithm>>> = {
  RS256: SHA256_WITH_RSA,
  PS256: SHA256_WITH_RSA,
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  ES512: { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  EdDSA: { name: 'Ed25519' },
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The first needs the second, a polyfill. */
const PACKAGES = ['@peculiar/x509', 'reflect-metadata'];

/** RFC 5280, as DER. */
async function selfSignedCertificate(options: CertificateOptions): Promise<Buffer> {
  const x509 = await importOptionalPeer('--certificate', PACKAGES, async () => {
    await import('reflect-metadata');
    return import('@peculiar/x509');
  });
  const { alg, privateKey, commonName, days } = options;
  const algorithm = SIGNATURE_ALGORITHMS[alg] as Algorithm;
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const { subtle } = webcrypto;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [commonName] }],
      keys: {
        privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
        publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
      },
      signingAlgorithm: algorithm,
      // Allows for servers whose clocks are behind.
      notBefore: new Date(Date.now() - 5 * MINUTE),
      notAfter: new Date(Date.now() + days * DAY),
      extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
    },
    webcrypto,
  );
  return Buffer.from(certificate.rawData);
}

const certificatePem = (der: Buffer): string =>
  [
    '-----BEGIN CERTIFICATE-----',
    ...(der.toString('base64').match(/.{1,64}/g) ?? []),
    '-----END CERTIFICATE-----',
    '',
  ].join('\n');

export interface PublicHalf {
  readonly secret: Secret;
  readonly jwks: JsonWebKeySet;
  /** For Duende IdentityServer: C#, an entry of `ClientSecrets`. */
  readonly duende: string;
  readonly env: string;
}

/** For every version of C#. In base64 and JWKs, only quotes need escaping. */
const csharpString = (value: string): string => `"${value.replaceAll('"', '\\"')}"`;

const duendeSecret = (type: string, value: string): string =>
  `new Secret { Type = IdentityServerConstants.SecretTypes.${type}, Value = ${csharpString(value)} }`;

function withCertificate(jwk: JsonWebKey, certificate: Buffer): JsonWebKey {
  const thumbprint = createHash('sha256').update(certificate).digest('base64url');
  return { ...jwk, 'x5t#S256': thumbprint, x5c: [certificate.toString('base64')] };
}

/** `certificate` is DER; if given, it becomes the secret. */
function publicHalf(jwk: JsonWebKey, certificate?: Buffer): PublicHalf {
  const jwks = { keys: [certificate === undefined ? jwk : withCertificate(jwk, certificate)] };
  // Neither JSON nor base64url contains single quotes here.
  const env = `CLIENT_JWKS='${JSON.stringify(jwks)}'`;
  if (certificate === undefined) {
    return {
      secret: { type: 'JsonWebKey', value: jwk },
      jwks,
      duende: duendeSecret('JsonWebKey', JSON.stringify(jwk)),
      env,
    };
  }
  const value = certificate.toString('base64');
  return {
    secret: { type: 'X509CertificateBase64', value },
    jwks,
    duende: duendeSecret('X509CertificateBase64', value),
    env,
  };
}

interface KeygenOptions {
  readonly alg: KeyAlgorithm;
  readonly out?: string;
  readonly format: 'pem' | 'jwk';
  readonly certificate?: boolean;
  readonly clientId?: string;
  readonly days: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

interface GeneratedKey extends PublicHalf {
  readonly alg: KeyAlgorithm;
  readonly kid: string | undefined;
  readonly privateKeyFile: string;
  readonly certificateFile: string | undefined;
  /** If the client id is known. */
  readonly client: AssertionClient | undefined;
  readonly metadata: ClientMetadata | undefined;
}

const MAXIMUM_DAYS = 36_500;

function certificatePath(keyPath: string): string {
  const extension = extname(keyPath);
  if (extension !== '.crt') return `${keyPath.slice(0, keyPath.length - extension.length)}.crt`;
  throw new UsageError(
    '--out names the private key, so it may not end in .crt: the certificate gets that name.',
  );
}

const ENV_SECRET = "{ type: 'JsonWebKeySet', value: process.env.CLIENT_JWKS }";

function entriesOf(clientId: string | undefined, { secret, jwks }: PublicHalf) {
  if (clientId === undefined) return { client: undefined, metadata: undefined };
  const token_endpoint_auth_method = 'private_key_jwt';
  return {
    client: { clientId, secrets: [secret] },
    metadata: { client_id: clientId, token_endpoint_auth_method, jwks },
  };
}

async function keygen(options: KeygenOptions): Promise<GeneratedKey> {
  const { alg, format, clientId, days, force = false } = options;
  const privateKeyFile = options.out ?? (format === 'pem' ? 'private-key.pem' : 'private-key.json');
  const privateKey = await generatePrivateKey(alg);
  const { kid, publicJwk } = SigningKey.from({ key: privateKey, alg });
  if (publicJwk === undefined) throw new TypeError('The key has no public half.');
  const certificate =
    options.certificate === true
      ? await selfSignedCertificate({ alg, privateKey, commonName: clientId ?? 'client', days })
      : undefined;

  const content =
    format === 'pem'
      ? privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      : `${json({ ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }, 2)}\n`;
  const files: NewFile[] = [{ path: privateKeyFile, content }];
  const certificateFile = certificate && certificatePath(privateKeyFile);
  if (certificate !== undefined && certificateFile !== undefined) {
    files.push({ path: certificateFile, content: certificatePem(certificate) });
  }
  await writePrivateFiles(files, force);
  const half = publicHalf(publicJwk, certificate);
  return { alg, kid, privateKeyFile, certificateFile, ...half, ...entriesOf(clientId, half) };
}

function lines(key: GeneratedKey): string[] {
  const { alg, kid, privateKeyFile, certificateFile } = key;
  const { client, secret, metadata, jwks, duende, env } = key;
  const part = (title: string, text: string) => ['', style('bold', title), text];
  return [
    `Private key:  ${printable(privateKeyFile)}  (${alg}, kid ${kid}; keep it secret)`,
    ...(certificateFile === undefined ? [] : [`Certificate:  ${printable(certificateFile)}`]),
    ...(client === undefined
      ? part('Public half, as an entry of `secrets`', json(secret, 2))
      : part('Client, for passport-private-key-jwt', json(client, 2))),
    ...(metadata === undefined
      ? part('Public half, in client metadata (RFC 7591)', json({ jwks }, 2))
      : part('Client metadata (RFC 7591)', json(metadata, 2))),
    ...part('Public half, in ClientSecrets of Duende IdentityServer', duende),
    ...part(`Public half, in the server's .env, for ${ENV_SECRET}`, env),
  ];
}

export function addKeygenCommand(program: Command): void {
  program
    .command('keygen')
    .description('Make a key pair for a client, and print what to register at the server.')
    .addOption(
      new Option('--alg <alg>', 'the algorithm that the key signs with')
        .choices(KEY_ALGORITHMS)
        .default('ES256'),
    )
    .option(
      '--out <file>',
      'the file of the private key (default: private-key.pem, or .json for a JWK)',
    )
    .addOption(
      new Option(
        '--format <format>',
        'the format of the private key: PKCS #8, or a JWK that keeps alg and kid',
      )
        .choices(['pem', 'jwk'])
        .default('pem'),
    )
    .option('--certificate', 'also make a self-signed certificate, next to the private key')
    .option(
      '--client-id <id>',
      'print complete entries of this client, and name the certificate after it',
    )
    .option('--days <number>', 'how long the certificate is valid', numberOption(MAXIMUM_DAYS), 365)
    .option('--force', 'replace existing files')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nOnly their owner can read the files. The private key is never printed.',
    )
    .action(async (options: KeygenOptions) => {
      const key = await keygen(options);
      if (options.json === true) printJson(key);
      else print(...lines(key));
    });
}
