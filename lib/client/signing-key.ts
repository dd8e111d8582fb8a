import { Buffer } from 'node:buffer';
import { createPublicKey, KeyObject } from 'node:crypto';
import { CompactSign, type CryptoKey } from 'jose';
import { type Algorithm, algorithmsOf, isAlgorithm, KeyError } from '../secrets/algorithms.js';
import type { JsonWebKey } from '../secrets/secret.js';
import { type CertificateHeader, readCertificate } from './certificate.js';
import { algorithmsOfCryptoKey } from './crypto-key.js';
import { checkDemands, demandedHeader, type KeyDemands } from './key-demands.js';
import { type KeyMaterial, type ReadKey, readKey } from './key-material.js';
import { type RemoteSigner, signRemotely } from './remote-signer.js';
import { jwkThumbprint, publicJwkOf } from './thumbprint.js';

/** A key and how it is used. */
export interface SigningKeyOptions {
  readonly key: KeyMaterial;
  /** Decrypts an encrypted PEM. */
  readonly passphrase?: string | undefined;
  /**
   * Default: the `alg` of a JWK; else RS256 for RSA, which most servers take, the one that belongs
   * to the curve for EC, EdDSA for Ed25519, and HS256 for symmetric keys. FAPI wants PS256.
   */
  readonly alg?: Algorithm | undefined;
  /**
   * The `kid` of the header; false for none. Default: the `kid` of a JWK; else the thumbprint of
   * the public key (RFC 7638). A symmetric key has none, since its thumbprint would tell of it. Some
   * servers find no key for a `kid` that they do not know: register `publicJwk`, which has it.
   */
  readonly kid?: string | false | undefined;
  /**
   * The certificate of the key: PEM, with the chain after it if there is one, or base64 of DER. Its
   * thumbprints go into the header as `x5t` and `x5t#S256`.
   */
  readonly certificate?: string | Uint8Array | undefined;
  /** Whether the header carries the certificate and its chain too. Default false. */
  readonly x5c?: boolean | undefined;
}

/** Everything that a signing key can be made of. */
export type SigningKeyInput = KeyMaterial | SigningKeyOptions | RemoteSigner | SigningKey;

type Header = Readonly<Record<string, unknown>>;

interface Parts {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
  readonly publicJwk: JsonWebKey | undefined;
  readonly certificate: CertificateHeader | undefined;
  readonly sign: (header: Header, claims: object) => Promise<string>;
}

const member = (value: object, name: string): unknown => (value as Record<string, unknown>)[name];

const isRemoteSigner = (input: object): input is RemoteSigner =>
  typeof member(input, 'sign') === 'function';

const isOptions = (input: object): input is SigningKeyOptions => member(input, 'key') !== undefined;

/** A KeyObject where the key's parts may be seen, which a CryptoKey can forbid. */
function visible(key: KeyObject | CryptoKey): KeyObject | undefined {
  if (key instanceof KeyObject) return key;
  return key.extractable ? KeyObject.from(key) : undefined;
}

function chooseAlgorithm(
  fitting: readonly Algorithm[],
  fromJwk: string | undefined,
  wanted: string | undefined,
  demanded: readonly Algorithm[] | undefined,
): Algorithm {
  const preferred = demanded?.find((alg) => fitting.includes(alg));
  const alg = wanted ?? fromJwk ?? preferred ?? fitting[0];
  if (wanted !== undefined && fromJwk !== undefined && wanted !== fromJwk) {
    throw new KeyError(`alg is ${wanted}, but the JWK is for ${fromJwk}: leave alg out`);
  }
  if (isAlgorithm(alg) && fitting.includes(alg)) return alg;
  throw new KeyError(`alg ${alg} does not fit the key: use ${fitting.join(' or ')}`);
}

function chooseKid(
  { key, kid }: ReadKey,
  publicJwk: JsonWebKey | undefined,
  wanted: string | false | undefined,
): string | undefined {
  if (wanted === false) return undefined;
  if (wanted === '') throw new KeyError('kid is empty: use kid: false to send none');
  const chosen = wanted ?? kid;
  if (chosen !== undefined) return chosen;
  if (publicJwk !== undefined) return jwkThumbprint(publicJwk);
  if (key.type === 'secret') return undefined;
  throw new KeyError('the key cannot be exported, so its kid is not known: set kid, or kid: false');
}

function certificateHeader(
  options: Pick<SigningKeyOptions, 'certificate' | 'x5c'>,
  fits: (publicKey: KeyObject) => boolean,
): CertificateHeader | undefined {
  if (options.certificate === undefined) {
    if (options.x5c !== true) return undefined;
    throw new KeyError('x5c is the certificate in the header: give the certificate');
  }
  const { publicKey, header } = readCertificate(options.certificate, options.x5c === true);
  if (fits(publicKey)) return header;
  throw new KeyError(
    'the certificate belongs to another key; the first of a chain must be its own',
  );
}

function fromRemote(signer: RemoteSigner): Parts {
  if (!isAlgorithm(signer.alg)) {
    throw new KeyError(`the remote signer's alg is ${JSON.stringify(signer.alg)}: use one of JWS`);
  }
  return {
    alg: signer.alg,
    kid: signer.kid,
    publicJwk: signer.publicJwk,
    certificate: certificateHeader(signer, (key) => algorithmsOf(key).includes(signer.alg)),
    sign: (header, claims) => signRemotely(signer, header, claims),
  };
}

function fromOptions(options: SigningKeyOptions, demands: KeyDemands): Parts {
  const read = readKey(options.key, options.passphrase);
  const { key } = read;
  const keyObject = visible(key);
  const publicKey = keyObject?.type === 'private' ? createPublicKey(keyObject) : undefined;
  const publicJwk = publicKey === undefined ? undefined : publicJwkOf(publicKey);
  const fitting = key instanceof KeyObject ? algorithmsOf(key) : algorithmsOfCryptoKey(key);
  const alg = chooseAlgorithm(fitting, read.alg, options.alg, demands.algorithms);
  return {
    alg,
    kid: chooseKid(read, publicJwk, options.kid),
    publicJwk,
    certificate: certificateHeader(options, (certified) =>
      publicKey === undefined ? algorithmsOf(certified).includes(alg) : certified.equals(publicKey),
    ),
    sign: (header, claims) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ ...header, alg })
        .sign(key),
  };
}

function partsOf(
  input: KeyMaterial | SigningKeyOptions | RemoteSigner,
  demands: KeyDemands,
): Parts {
  if (typeof input === 'string') return fromOptions({ key: input }, demands);
  if (typeof input !== 'object' || input === null) throw new KeyError('no key was given');
  if (isRemoteSigner(input)) return fromRemote(input);
  return fromOptions(isOptions(input) ? input : { key: input }, demands);
}

/**
 * The key that a client signs its assertions and request objects with, whatever it was made of.
 *
 * @example
 * ```ts
 * const key = SigningKey.from(await readFile('client.pem'));
 * const encrypted = SigningKey.from({ key: pem, passphrase, alg: 'PS256', certificate });
 * ```
 */
export class SigningKey {
  readonly alg: Algorithm;
  /** The `kid` of the header; undefined for none. */
  readonly kid: string | undefined;
  /**
   * What the server is to know: the public key with `kid`, `alg` and `use`. Undefined for symmetric
   * keys, those that cannot be exported, and remote ones without `publicJwk`.
   */
  readonly publicJwk: JsonWebKey | undefined;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.alg = parts.alg;
    this.kid = parts.kid;
    this.publicJwk = parts.publicJwk && {
      ...parts.publicJwk,
      ...(parts.kid !== undefined && { kid: parts.kid }),
      alg: parts.alg,
      use: 'sig',
    };
  }

  /**
   * Makes a signing key.
   *
   * @param demands what the server wants of it
   * @throws {TypeError} where the key is public, weak, encrypted without its passphrase or
   *   unreadable, or does not fit `alg`, `certificate` or `demands`; the message says what to change
   */
  static from(input: SigningKeyInput, demands: KeyDemands = {}): SigningKey {
    try {
      const key = input instanceof SigningKey ? input : new SigningKey(partsOf(input, demands));
      checkDemands(demands, key.alg, key.#header());
      return key;
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      throw new TypeError(`The signing key cannot be used: ${error.message}.`);
    }
  }

  /**
   * Signs claims: a JWT in compact serialization.
   *
   * @param header parameters besides `alg`, `kid` and those of the certificate
   * @param demands whose `keyHeader` says which of `kid` and those of the certificate
   */
  signJwt(
    claims: object,
    header: Readonly<Record<string, unknown>> = {},
    { keyHeader }: KeyDemands = {},
  ): Promise<string> {
    const named = demandedHeader(this.#header(), keyHeader);
    return this.#parts.sign({ ...header, alg: this.alg, ...named }, claims);
  }

  /** The header parameters that name the key. */
  #header(): Header {
    return { kid: this.kid, ...this.#parts.certificate };
  }
}
