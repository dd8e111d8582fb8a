import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AssertionClient, ClientAssertionValidator, type Secret } from '../../lib/index.js';
import { assertionForm, signAssertion } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { tokenEndpoint } from '../support/token-endpoint.js';
import { outcome } from '../support/validator.js';

const OLD = newKeyPair('ES256', { kid: 'old' });
const NEW = newKeyPair('ES256', { kid: 'new' });

const jwk = ({ publicJwk }: KeyPair): Secret => ({ type: 'JsonWebKey', value: publicJwk });
const withoutKid = ({ publicJwk: { kid: _, ...value } }: KeyPair): Secret => ({
  type: 'JsonWebKey',
  value: value as { kty: string },
});
const certificateOf = async (pair: KeyPair): Promise<Secret> => ({
  type: 'X509CertificateBase64',
  value: (await clientCertificate(pair)).base64,
});
const jwks = (...pairs: KeyPair[]): Secret => ({
  type: 'JsonWebKeySet',
  value: { keys: pairs.map(({ publicJwk }) => publicJwk) },
});

/** What the client has before, while and after its key is exchanged. */
const ROLL_OVERS: Readonly<Record<string, readonly (readonly Secret[])[]>> = {
  'two JWKs': [[jwk(OLD)], [jwk(OLD), jwk(NEW)], [jwk(NEW)]],
  'two JWKs without a kid': [
    [withoutKid(OLD)],
    [withoutKid(OLD), withoutKid(NEW)],
    [withoutKid(NEW)],
  ],
  'two certificates': [
    [await certificateOf(OLD)],
    [await certificateOf(OLD), await certificateOf(NEW)],
    [await certificateOf(NEW)],
  ],
  'one JWK Set': [[jwks(OLD)], [jwks(OLD, NEW)], [jwks(NEW)]],
  'a certificate and a JWK': [
    [await certificateOf(OLD)],
    [jwk(NEW), await certificateOf(OLD)],
    [jwk(NEW)],
  ],
};

for (const [name, [before = [], between = [], after = []]] of Object.entries(ROLL_OVERS)) {
  for (const named of [true, false]) {
    test(`a key is replaced by ${name} and no request fails, ${named ? 'with' : 'without'} a kid in the header`, async (t) => {
      const client = { clientId: 'client', secrets: before };
      const endpoint = await tokenEndpoint([client]);
      t.after(() => endpoint.close());
      let pair = OLD;
      let done = false;
      const statuses: number[] = [];
      const rounds = [0, 0, 0];
      const caller = async (_: number, index: number) => {
        while (!done) {
          const header = named ? { kid: pair.publicJwk.kid } : {};
          const form = assertionForm(await signAssertion('client', { pair, header }));
          statuses.push((await endpoint.post(form)).status);
          rounds[index] = (rounds[index] ?? 0) + 1;
        }
      };
      /** Waits until every caller has made a request that it began later than now. */
      const everyCaller = async () => {
        const enough = rounds.map((count) => count + 2);
        while (rounds.some((count, index) => count < (enough[index] ?? 0))) await sleep(1);
      };
      const callers = rounds.map(caller);
      await everyCaller();
      client.secrets = between;
      await everyCaller();
      pair = NEW;
      await everyCaller();
      client.secrets = after;
      await everyCaller();
      done = true;
      await Promise.all(callers);
      assert.ok(statuses.length >= 24);
      assert.ok(statuses.every((status) => status === 200));

      const late = await signAssertion('client', { pair: OLD });
      assert.equal((await endpoint.post(assertionForm(late))).status, 401);
    });
  }
}

/** A validator whose lookup answers with whatever the client is by then. */
function changing(client: { secrets: readonly Secret[] } & Omit<AssertionClient, 'secrets'>) {
  const validator = new ClientAssertionValidator({}, () => client);
  return async (pair: KeyPair) => outcome(validator, await signAssertion('client', { pair }));
}

test('replaced secrets take effect at once, although keys are cached', async () => {
  const client = { clientId: 'client', secrets: [withoutKid(OLD)] };
  const authenticate = changing(client);
  assert.equal(await authenticate(OLD), undefined);
  client.secrets = [withoutKid(NEW)];
  assert.equal(await authenticate(OLD), 'signature_invalid');
  assert.equal(await authenticate(NEW), undefined);
  client.secrets = [];
  assert.equal(await authenticate(NEW), 'no_matching_key');
  client.secrets = [withoutKid(OLD)];
  assert.equal(await authenticate(OLD), undefined);
});

test('a JWK that is changed in place takes effect at once', async () => {
  const value: Record<string, unknown> = { ...OLD.publicJwk };
  const secrets = [{ type: 'JsonWebKey', value: value as { kty: string } } as const];
  const authenticate = changing({ clientId: 'client', secrets });
  assert.equal(await authenticate(OLD), undefined);
  Object.assign(value, NEW.publicJwk);
  assert.equal(await authenticate(OLD), 'signature_invalid');
  assert.equal(await authenticate(NEW), undefined);
  value['use'] = 'enc';
  assert.equal(await authenticate(NEW), 'secret_refused');
});

test('a JWK Set that is changed in place takes effect at once', async () => {
  const keys = [OLD.publicJwk];
  const authenticate = changing({
    clientId: 'client',
    secrets: [{ type: 'JsonWebKeySet', value: { keys } }],
  });
  assert.equal(await authenticate(OLD), undefined);
  keys[0] = NEW.publicJwk;
  assert.equal(await authenticate(OLD), 'signature_invalid');
  assert.equal(await authenticate(NEW), undefined);
});

test('a secret whose type is changed in place takes effect at once', async () => {
  const secret: { type: string; value: string } = {
    type: 'JsonWebKey',
    value: JSON.stringify(OLD.publicJwk),
  };
  const authenticate = changing({ clientId: 'client', secrets: [secret as Secret] });
  assert.equal(await authenticate(OLD), undefined);
  secret.type = 'SharedSecret';
  assert.equal(await authenticate(OLD), 'secret_refused');
});

test('an expiration that is set in place takes effect at once, and its withdrawal too', async () => {
  const secret = withoutKid(OLD);
  const authenticate = changing({ clientId: 'client', secrets: [secret] });
  assert.equal(await authenticate(OLD), undefined);
  Object.assign(secret, { expiration: new Date(Date.now() - 1000) });
  assert.equal(await authenticate(OLD), 'secret_expired');
  Object.assign(secret, { expiration: undefined });
  assert.equal(await authenticate(OLD), undefined);
});

test('a client that is disabled, and one whose alg is changed, is refused at once', async () => {
  const client = { clientId: 'client', secrets: [withoutKid(OLD)] };
  const authenticate = changing(client);
  assert.equal(await authenticate(OLD), undefined);
  Object.assign(client, { disabled: true });
  assert.equal(await authenticate(OLD), 'client_disabled');
  Object.assign(client, { disabled: false, tokenEndpointAuthSigningAlg: 'PS256' });
  assert.equal(await authenticate(OLD), 'client_algorithm_mismatch');
});

test('if two clients share a key, disabling one does not affect the other', async () => {
  const clients: readonly AssertionClient[] = ['one', 'two'].map((clientId) => ({
    clientId,
    secrets: [withoutKid(OLD)],
    disabled: clientId === 'two',
  }));
  const validator = new ClientAssertionValidator({}, (clientId) =>
    clients.find((client) => client.clientId === clientId),
  );
  assert.equal(await outcome(validator, await signAssertion('one', { pair: OLD })), undefined);
  assert.equal(
    await outcome(validator, await signAssertion('two', { pair: OLD })),
    'client_disabled',
  );
});
