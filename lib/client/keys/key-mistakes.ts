import { createPublicKey, X509Certificate } from 'node:crypto';

// Recognizes what was given instead of a private key, and says what to change. Runs only after a
// failure.

const CONVERT =
  'convert it with openssl pkey -in client.der -out client.pem, or a PKCS#12 file with openssl pkcs12 -in client.p12 -out client.pem -nodes';

type Mistake<Value> = readonly [is: (value: Value) => boolean, sentence: string];

const matches = (pattern: RegExp) => (text: string) => pattern.test(text);

export const NOT_PRIVATE = 'the key is a public key: give the private key that belongs to it';

const TEXT_MISTAKES: readonly Mistake<string>[] = [
  [matches(/^\s*$/), 'the key is empty: is its environment variable set, and its file written?'],
  [
    matches(/^PuTTY-User-Key-File/),
    'the key is in the format of PuTTY: convert it with puttygen key.ppk -O private-openssh, then ssh-keygen -p -m PKCS8',
  ],
  [
    matches(/^(ssh-|ecdsa-sha2-|sk-)[\w-]+(@[\w.]+)? AAAA/),
    'the key is a public key of OpenSSH: give the private key, in PKCS#8',
  ],
  [
    matches(/-----BEGIN PGP/),
    'the key is an OpenPGP key, which cannot sign JWTs: make one with openssl genpkey',
  ],
  [
    matches(/-----BEGIN (OPENSSH|SSH2)/),
    'the key is in the format of OpenSSH: convert it with ssh-keygen -p -m PKCS8',
  ],
  [
    matches(/-----BEGIN DSA PRIVATE KEY/),
    'the key is a DSA key, which cannot sign JWTs: make an RSA, EC or Ed25519 key',
  ],
  [
    matches(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?![\s\S]*-----END )/),
    'the PEM has no END line: did a shell or a limit of the vault cut the text off?',
  ],
  [matches(/PRIVATE KEY-----/), 'the PEM does not hold a private key that can be read'],
  [
    matches(/-----BEGIN (PKCS7|PKCS #7|CMS)/),
    'the PEM is PKCS#7, which holds certificates and no private key: give the private key',
  ],
  [
    matches(/-----BEGIN (NEW )?CERTIFICATE REQUEST/),
    'the PEM is a certificate request: give the private key that it was made with',
  ],
  [
    matches(/-----BEGIN (X509 |TRUSTED )?CERTIFICATE/),
    'the PEM is a certificate: give its private key as key and this as certificate',
  ],
  [
    matches(/-----BEGIN [A-Z0-9. ]*PARAMETERS/),
    'the PEM has only parameters and no key: run openssl ecparam with -genkey, and give the part EC PRIVATE KEY',
  ],
  [
    matches(/-----BEGIN X509 CRL/),
    'the PEM is a list of revoked certificates: give the private key',
  ],
  [matches(/-----BEGIN [A-Z0-9 ]*PUBLIC KEY/), NOT_PRIVATE],
  [matches(/-----BEGIN/), 'the PEM holds no private key'],
  [
    matches(/^[\w-]{5,}\.[\w-]{5,}\.[\w-]{5,}$/),
    'the key is a JWT: give the private key that signs it',
  ],
  [
    matches(/^(?:file:|\.{0,2}\/|[A-Za-z]:\\|~\/)\S*$|^[\w.-]+\.(?:pem|key|jwk|json|p8)$/),
    'the key is the name of a file: give the content of the file',
  ],
];

const has = (name: string) => (value: object) =>
  (value as Record<string, unknown>)[name] !== undefined;

const hasList = (name: string) => (value: object) =>
  Array.isArray((value as Record<string, unknown>)[name]);

const OBJECT_MISTAKES: readonly Mistake<object>[] = [
  [(value) => typeof value === 'function', 'the key is a function: give what it returns'],
  [has('then'), 'the key is a Promise: await it'],
  [Array.isArray, 'the key is a list: use a KeyRing'],
  [has('privateKey'), 'the key is a key pair: give its privateKey'],
  [(value) => value instanceof URL, 'the key is a URL: give the content of the file'],
  [(value) => value instanceof ArrayBuffer, 'the key is an ArrayBuffer: use new Uint8Array(key)'],
  [has('createClientToken'), 'the key is an AssertionService: give the key that it was made from'],
  [has('signJwt'), 'the key is a KeyRing or SigningKey: give it by itself, without options'],
  [hasList('keys'), 'the key is a JWK Set: give one of its keys'],
];

const sentence = <Value>(value: Value, mistakes: readonly Mistake<Value>[]): string | undefined =>
  mistakes.find(([is]) => is(value))?.[1];

function reads(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

export const mistakeInText = (text: string): string | undefined => sentence(text, TEXT_MISTAKES);

export function mistakeInDer(der: Buffer): string {
  if (reads(() => new X509Certificate(der))) {
    return 'the key is a certificate: give its private key as key and this as certificate';
  }
  if (reads(() => createPublicKey({ key: der, format: 'der', type: 'spki' }))) return NOT_PRIVATE;
  return `the key is DER, but not a private key that can be read: ${CONVERT}`;
}

export const mistakeInObject = (value: object): string | undefined =>
  sentence(value, OBJECT_MISTAKES);

const CERTIFICATE_MISTAKES: readonly Mistake<string>[] = [
  [matches(/^\s*$/), 'the certificate is empty: is its file written?'],
  [
    matches(/-----BEGIN CERTIFICATE-----(?![\s\S]*-----END )/),
    'the certificate has no END line: was the text cut off?',
  ],
  [
    matches(/-----BEGIN (PKCS7|PKCS #7|CMS)/),
    'the certificate is in PKCS#7: convert it with openssl pkcs7 -print_certs -in certificate.p7b',
  ],
  [
    matches(/-----BEGIN (NEW )?CERTIFICATE REQUEST/),
    'the PEM is a certificate request: give the certificate that was issued for it',
  ],
  [matches(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/), 'the certificate is a private key: give it as key'],
];

export const mistakeInCertificate = (text: string): string | undefined =>
  sentence(text, CERTIFICATE_MISTAKES);
