import { Buffer } from 'node:buffer';
import { KeyObject } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { CompactSign, type CryptoKey } from 'jose';
import { KeyError } from '../../keys/algorithms.js';
import type { JsonWebKey } from '../../keys/secret.js';
import { type Algorithm, isAlgorithm } from '../../shared/jose.js';
import { type OptionTable, readOptions, unchecked } from '../../shared/options.js';
import { type CertificateOptions, certificateOf, type SignerCertificate } from './certificate.js';
import {
  compactJws,
  type Header,
  type KeyParts,
  signer,
  type WrittenHeader,
  writeHeader,
} from './jws.js';
import { checkDemands, demandedHeader, KEY_DEMANDS, type KeyDemands } from './key-demands.js';
import {
  checkHalves,
  chooseKid,
  type KeyMaterial,
  publicHalfOf,
  publicJwkOf,
  readKey,
  signingAlgorithmsOf,
} from './key-material.js';
import { type RemoteSigner, remoteKey } from './remote-signer.js';

/** A key and how to use it. */
export interface SigningKeyOptions extends CertificateOptions {
  readonly key: KeyMaterial;
  /** Decrypts an encrypted PEM or DER. */
  readonly passphrase?: string | undefined;
  /**
   * Default: the `alg` of a JWK; otherwise RS256 for RSA, which most servers accept, the algorithm
   * of the curve for EC, EdDSA for Ed25519, HS256 for symmetric keys. FAPI requires PS256 for RSA.
   */
  readonly alg?: Algorithm | undefined;
  /**
   * The `kid` of the header; false for none. Default: the `kid` of a JWK; otherwise the thumbprint
   * of the public key (RFC 7638), but none for a symmetric key, which its thumbprint would reveal.
   * Some servers find no key for an unknown `kid`: register `publicJwk`, which contains it.
   */
  readonly kid?: string | false | undefined;
}

export type SigningKeyInput = KeyMaterial | SigningKeyOptions | RemoteSigner | SigningKey;

export const KEY_OPTIONS = {
  key: unchecked<KeyMaterial>(),
  passphrase: unchecked<string | undefined>(),
  alg: unchecked<Algorithm | undefined>(),
  kid: unchecked<string | false | undefined>(),
  certificate: unchecked<string | Uint8Array | undefined>(),
  x5c: unchecked<boolean | undefined>(),
} satisfies OptionTable<SigningKeyOptions>;

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
  throw new KeyError(`alg ${String(alg)} does not fit the key: use ${fitting.join(' or ')}`);
}

function jwsMaker(alg: Algorithm, key: KeyObject | CryptoKey): KeyParts['sign'] {
  if (key instanceof KeyObject) {
    const sign = signer(alg, key);
    return (header, claims) => compactJws(header, claims, sign);
  }
  return (header, claims) =>
    new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ ...header.parameters, alg })
      .sign(key);
}

function localKey(given: SigningKeyOptions, demands: KeyDemands): KeyParts {
  const options = readOptions('A signing key', given, KEY_OPTIONS);
  const read = readKey(options.key, options.passphrase);
  const { key, jwk, certificates = [] } = read;
  const algOfJwk = jwk?.alg ?? undefined;
  const alg = chooseAlgorithm(signingAlgorithmsOf(key), algOfJwk, options.alg, demands.algorithms);
  checkHalves(read);
  const publicKey = publicHalfOf(key);
  const publicJwk = publicKey && publicJwkOf(publicKey);
  if (options.kid === undefined && key.type === 'private' && publicJwk === undefined) {
    throw new KeyError(
      'the key cannot be exported, so its kid is not known: set kid, or kid: false',
    );
  }
  const beside = certificates.map(({ base64 }) => base64);
  return {
    alg,
    kid: chooseKid(options.kid, jwk?.kid, publicJwk),
    publicJwk,
    certificate: certificateOf(options, alg, publicKey, beside),
    sign: jwsMaker(alg, key),
  };
}

const isRemoteSigner = (input: object): input is RemoteSigner =>
  typeof (input as Partial<RemoteSigner>).sign === 'function';

const isOptions = (input: object): input is SigningKeyOptions =>
  Object.hasOwn(input, 'key') && !('createClientToken' in input);

function partsOf(
  input: KeyMaterial | SigningKeyOptions | RemoteSigner,
  demands: KeyDemands,
): KeyParts {
  if (input === undefined || input === null) throw new KeyError('no key was given');
  if (typeof input === 'string') return localKey({ key: input }, demands);
  if (isRemoteSigner(input)) return remoteKey(input);
  return localKey(isOptions(input) ? input : { key: input }, demands);
}

/** How many warnings about certificates are remembered. */
const MAX_WARNED = 1000;

/** The certificates that the process was warned of: sources make their keys anew. */
const warned = new Set<unknown>();

const certificateChannel = channel('passport-private-key-jwt:signing-certificate');

function invalidity({
  notBefore,
  notAfter,
}: SignerCertificate): 'expired' | 'not yet valid' | undefined {
  const now = Date.now() / 1000;
  if (now > notAfter) return 'expired';
  return now < notBefore ? 'not yet valid' : undefined;
}

/**
 * A key that signs a client's assertions and request objects.
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
   * The public key to register at the server, with `kid`, `alg` and `use`. Undefined for symmetric
   * keys, keys that cannot be exported, and remote keys without `publicJwk`.
   */
  readonly publicJwk: JsonWebKey | undefined;
  readonly #sign: KeyParts['sign'];
  readonly #certificate: SignerCertificate | undefined;
  readonly #names: Header;
  /** Serialized frozen headers, and the demands that they were made for. */
  readonly #written = new WeakMap<Header, { keyHeader: unknown; header: WrittenHeader }>();
  #isWarned = false;

  private constructor(parts: KeyParts) {
    this.#sign = parts.sign;
    this.#certificate = parts.certificate;
    this.#names = { kid: parts.kid, ...parts.certificate?.header };
    this.alg = parts.alg;
    this.kid = parts.kid;
    this.publicJwk = parts.publicJwk && {
      ...parts.publicJwk,
      ...(parts.kid !== undefined && { kid: parts.kid }),
      alg: parts.alg,
      use: 'sig',
    };
    this.#checkCertificate();
  }

  /**
   * Makes a signing key. If the certificate is outside its validity period, the process gets one
   * warning for each certificate, and the diagnostics channel
   * `passport-private-key-jwt:signing-certificate` gets an event each time the key signs.
   * @throws {TypeError} if the key is public, weak, encrypted without its passphrase or unreadable,
   *   or does not fit its public half, `alg`, `certificate` or `demands`; the message says what to
   *   change
   */
  static from(input: SigningKeyInput, demands: KeyDemands = {}): SigningKey {
    const checked = readOptions('SigningKey.from', demands, KEY_DEMANDS);
    try {
      const key = input instanceof SigningKey ? input : new SigningKey(partsOf(input, checked));
      checkDemands(checked, key.alg, key.#names);
      return key;
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      const end = error.message.endsWith('?') ? '' : '.';
      throw new TypeError(`The signing key cannot be used: ${error.message}${end}`);
    }
  }

  /** @internal */
  get _hasCertificate(): boolean {
    return this.#certificate !== undefined;
  }

  /**
   * The JWK Set to register or publish: only the public key (RFC 7517 §5).
   * @throws {TypeError} if `publicJwk` is undefined
   */
  publicJwks(): { readonly keys: readonly JsonWebKey[] } {
    if (this.publicJwk !== undefined) return { keys: [this.publicJwk] };
    throw new TypeError(
      'The key cannot be published: it is symmetric, cannot be exported, or its publicJwk is not known',
    );
  }

  /**
   * Signs claims as a JWT in compact serialization.
   * @param header parameters besides `alg`, `kid` and the certificate's
   * @param demands its `keyHeader` selects among `kid` and the certificate's parameters
   */
  signJwt(
    claims: object,
    header: Readonly<Record<string, unknown>> = {},
    { keyHeader }: KeyDemands = {},
  ): Promise<string> {
    const problem = this.#checkCertificate();
    if (problem !== undefined && certificateChannel.hasSubscribers) {
      const { alg, kid } = this;
      certificateChannel.publish({ problem, alg, kid, ...this.#validity() });
    }
    return this.#sign(this.#headerOf(header, keyHeader), claims);
  }

  #validity() {
    const { notBefore = 0, notAfter = 0 } = this.#certificate ?? {};
    return { notBefore: new Date(notBefore * 1000), notAfter: new Date(notAfter * 1000) };
  }

  #checkCertificate(): 'expired' | 'not yet valid' | undefined {
    const problem = this.#certificate && invalidity(this.#certificate);
    if (problem === undefined || this.#isWarned) return problem;
    this.#isWarned = true;
    const name = this.#certificate?.header['x5t#S256'];
    if (warned.has(name)) return problem;
    if (warned.size >= MAX_WARNED) warned.clear();
    warned.add(name);
    const { notBefore, notAfter } = this.#validity();
    const when =
      problem === 'expired'
        ? `expired at ${notAfter.toISOString()}`
        : `is not valid before ${notBefore.toISOString()}`;
    process.emitWarning(
      `The certificate of the signing key ${this.kid ?? this.alg} ${when}: servers may refuse its signatures. Renew the certificate, and register the new one.`,
      { code: 'PRIVATE_KEY_JWT_CERTIFICATE' },
    );
    return problem;
  }

  #headerOf(more: Header, keyHeader: KeyDemands['keyHeader']): WrittenHeader {
    const known = this.#written.get(more);
    if (known !== undefined && known.keyHeader === keyHeader) return known.header;
    const names = demandedHeader(this.#names, keyHeader);
    const header = writeHeader({ ...more, alg: this.alg, ...names });
    if (Object.isFrozen(more)) this.#written.set(more, { keyHeader, header });
    return header;
  }
}
