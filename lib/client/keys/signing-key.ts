import { KeyError } from '../../keys/algorithms.js';
import type { JsonWebKey, JsonWebKeySet } from '../../keys/secret.js';
import type { Algorithm } from '../../shared/algorithms.js';
import { assertKnownOptions } from '../../shared/option-checks.js';
import { type Header, type WrittenHeader, writeHeader } from './compact-jws.js';
import {
  checkDemands,
  demandedHeader,
  KEY_DEMANDS,
  type KeyDemands,
  keyDemands,
} from './key-demands.js';
import type { KeyMaterial } from './key-material.js';
import { refuseMistakenObject } from './key-mistakes.js';
import type { KeyParts } from './key-parts.js';
import { localKey, type SigningKeyOptions } from './local-key.js';
import { type RemoteSigner, remoteKey } from './remote-signer.js';

/** Everything that a signing key can be made of. */
export type SigningKeyInput = KeyMaterial | SigningKeyOptions | RemoteSigner | SigningKey;

const isRemoteSigner = (input: object): input is RemoteSigner =>
  typeof (input as Partial<RemoteSigner>).sign === 'function';

const isOptions = (input: object): input is SigningKeyOptions => Object.hasOwn(input, 'key');

function partsOf(
  input: KeyMaterial | SigningKeyOptions | RemoteSigner,
  demands: KeyDemands,
): KeyParts {
  if (input === undefined || input === null) throw new KeyError('no key was given');
  if (typeof input === 'string') return localKey({ key: input }, demands);
  if (isRemoteSigner(input)) return remoteKey(input);
  refuseMistakenObject(input);
  return localKey(isOptions(input) ? input : { key: input }, demands);
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
  readonly #sign: KeyParts['sign'];
  /** The header parameters that name the key. */
  readonly #names: Header;
  /** Headers that cannot change, as they were written, and for which demands. */
  readonly #written = new WeakMap<Header, { keyHeader: unknown; header: WrittenHeader }>();

  private constructor(parts: KeyParts) {
    this.#sign = parts.sign;
    this.#names = { kid: parts.kid, ...parts.certificate };
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
    assertKnownOptions('SigningKey.from', demands, KEY_DEMANDS);
    const checked = keyDemands(demands);
    try {
      const key = input instanceof SigningKey ? input : new SigningKey(partsOf(input, checked));
      checkDemands(checked, key.alg, key.#names);
      return key;
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      throw new TypeError(`The signing key cannot be used: ${error.message}.`);
    }
  }

  /**
   * The JWK Set to register or publish: the public key alone (RFC 7517 §5).
   *
   * @throws {TypeError} where `publicJwk` is undefined
   */
  publicJwks(): JsonWebKeySet {
    if (this.publicJwk !== undefined) return { keys: [this.publicJwk] };
    throw new TypeError(
      'The key cannot be published: it is symmetric, cannot be exported, or its publicJwk is not known',
    );
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
    return this.#sign(this.#headerOf(header, keyHeader), claims);
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
