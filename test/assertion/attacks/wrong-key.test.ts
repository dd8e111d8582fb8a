import { generateKeyPairSync } from 'node:crypto';
import {
  type Attack,
  clientWith,
  jwkSecret,
  signedBy,
  testAttacks,
} from '../../support/attacks.js';
import { keyPair, newKeyPair } from '../../support/keys.js';
import { hmacSigner, rightSigner, signer } from '../../support/raw-jws.js';

const P256 = keyPair('ES256');
const OTHER = newKeyPair('ES256');
const HMAC_SECRET = 'a shared secret of sixty-four bytes, for all the three algorithms';

const PRIVATE_JWK = P256.privateKey.export({ format: 'jwk' }) as { kty: string };
const SECP256K1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
const SECP256K1_PEM = SECP256K1.publicKey.export({ type: 'spki', format: 'pem' }).toString();

const es256 = rightSigner(P256);

const CLIENTS = [
  clientWith('p256', [jwkSecret(P256)]),
  clientWith('other', [jwkSecret(OTHER)]),
  clientWith('koblitz', [{ type: 'PublicKeyPem', value: SECP256K1_PEM }]),
  clientWith('method-hmac', [jwkSecret(P256), { type: 'SharedSecret', value: HMAC_SECRET }], {
    tokenEndpointAuthMethod: 'client_secret_jwt',
  }),
  clientWith('method-key', [jwkSecret(P256), { type: 'SharedSecret', value: HMAC_SECRET }], {
    tokenEndpointAuthMethod: 'private_key_jwt',
  }),
  clientWith('method-none', [jwkSecret(P256)], { tokenEndpointAuthMethod: 'none' }),
  clientWith('disabled', [jwkSecret(P256)], { disabled: true }),
  clientWith('disabled-by-number', [jwkSecret(P256)], { disabled: 1 }),
  clientWith('encryption', [
    {
      type: 'JsonWebKeySet',
      value: { keys: [{ ...P256.publicJwk, use: 'enc' }, keyPair('RS256').publicJwk] },
    },
  ]),
  clientWith('expired', [{ ...jwkSecret(P256), expiration: new Date(Date.now() - 1000) }]),
  clientWith('private', [{ type: 'JsonWebKey', value: PRIVATE_JWK }]),
  clientWith('without-secrets', []),
  clientWith(
    'nine-keys',
    ['1', '2', '3', '4', '5', '6', '7', '8', '9'].map(() => jwkSecret(newKeyPair('ES256'))),
  ),
];

const WRONG_KEY: readonly Attack[] = [
  {
    name: "another client's key",
    reason: 'signature_invalid',
    assertion: signedBy('p256', 'ES256', rightSigner(OTHER)),
  },
  {
    name: 'a key that is for encryption (RFC 7517 §4.2)',
    reason: 'no_matching_key',
    assertion: signedBy('encryption', 'ES256', es256),
  },
  {
    name: 'a key whose secret has expired',
    reason: 'secret_expired',
    assertion: signedBy('expired', 'ES256', es256),
  },
  {
    name: 'a private key that was configured by mistake',
    reason: 'secret_refused',
    assertion: signedBy('private', 'ES256', es256),
  },
  {
    name: 'a client without secrets',
    reason: 'no_matching_key',
    assertion: signedBy('without-secrets', 'ES256', es256),
  },
  {
    name: 'a client that is disabled',
    reason: 'client_disabled',
    assertion: signedBy('disabled', 'ES256', es256),
  },
  {
    name: 'a client that the database says is disabled: 1',
    reason: 'client_disabled',
    assertion: signedBy('disabled-by-number', 'ES256', es256),
  },
  {
    name: 'a key where client_secret_jwt is registered',
    reason: 'client_method_mismatch',
    assertion: signedBy('method-hmac', 'ES256', es256),
  },
  {
    name: 'a shared secret where private_key_jwt is registered',
    reason: 'client_method_mismatch',
    assertion: signedBy('method-key', 'HS256', hmacSigner('sha256', HMAC_SECRET)),
  },
  {
    name: 'an assertion where the method none is registered',
    reason: 'client_method_mismatch',
    assertion: signedBy('method-none', 'ES256', es256),
  },
  {
    name: 'nine keys, none of which is right',
    reason: 'signature_invalid',
    assertion: signedBy('nine-keys', 'ES256', es256),
  },
  {
    name: 'a key on the curve secp256k1, which was configured by mistake',
    reason: 'secret_refused',
    assertion: signedBy('koblitz', 'ES256', signer('sha256', SECP256K1.privateKey)),
  },
];

await testAttacks(WRONG_KEY, { clients: CLIENTS });
