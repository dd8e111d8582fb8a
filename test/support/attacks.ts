import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import express from 'express';
import type {
  AssertionClient,
  PrivateKeyJwtStrategyOptions,
  Reason,
  Secret,
} from '../../lib/index.js';
import { assertionForm, validClaims } from './assertion.js';
import { type KeyPair, keyPair } from './keys.js';
import { oauthAnswer } from './oauth-answer.js';
import { rawAssertion, type Signer } from './raw-jws.js';
import { tokenEndpoint } from './token-endpoint.js';

/** Something that a caller may send as an assertion, and what the operator learns of it. */
export interface Attack {
  readonly name: string;
  /** Undefined where the assertion is right after all. */
  readonly reason: Reason | undefined;
  readonly assertion: () => string | Promise<string>;
}

/** How the server is set up that is attacked. */
export interface Target {
  /** Default: `client` with the shared ES256 key, whose `kid` is `known`. */
  readonly clients?: readonly AssertionClient[];
  readonly options?: Partial<PrivateKeyJwtStrategyOptions>;
}

/** The public half of a key pair as a secret. */
export const jwkSecret = ({ publicJwk }: KeyPair, more = {}): Secret => ({
  type: 'JsonWebKey',
  value: { ...publicJwk, ...more },
});

/** A client with these secrets. */
export const clientWith = (
  clientId: string,
  secrets: readonly Secret[],
  more = {},
): AssertionClient => ({ clientId, secrets, ...more });

/** An assertion of a client that is right in all but perhaps its `alg` and signature. */
export const signedBy =
  (clientId: string, alg: string, sign: Signer): Attack['assertion'] =>
  () =>
    rawAssertion({ alg }, validClaims(clientId), sign);

/** The client that most attacks are about. */
export const CLIENT = clientWith('client', [jwkSecret(keyPair('ES256'), { kid: 'known' })]);

/** All that a caller ever reads of an assertion that was refused. */
export const REFUSAL = {
  status: 401,
  error: 'invalid_client',
  description: 'Client authentication failed.',
};

/**
 * Makes a test of each attack: over HTTP, through the strategy. The caller reads the same of all
 * that are refused, the operator learns the reason.
 */
export async function testAttacks(
  attacks: readonly Attack[],
  { clients = [CLIENT], options = {} }: Target = {},
): Promise<void> {
  const parsers = [express.urlencoded({ extended: false, limit: '8mb' })];
  const endpoint = await tokenEndpoint(clients, options, { parsers });
  after(() => endpoint.close());
  for (const { name, reason, assertion } of attacks) {
    test(`${reason === undefined ? 'accepted' : 'refused'}: ${name}`, async () => {
      endpoint.events.length = 0;
      const response = await endpoint.post(assertionForm(await assertion()));
      if (reason === undefined) {
        assert.equal(response.status, 200);
        assert.deepEqual(
          endpoint.events.map((event) => event.outcome),
          ['success'],
        );
        return;
      }
      const { headers, ...answer } = await oauthAnswer(response);
      assert.deepEqual(answer, REFUSAL);
      assert.equal(headers.get('www-authenticate'), null);
      assert.deepEqual(
        endpoint.events.map((event) => event.reason),
        [reason],
      );
      assert.deepEqual(endpoint.errors, []);
    });
  }
}
