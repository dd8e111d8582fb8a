import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowsAssertion, failureWithoutAssertion, isDisabled } from '../../lib/clients/policy.js';
import { type AssertionClient, requiresClientAssertion } from '../../lib/index.js';
import { CLIENT } from '../support/attacks.js';

const { secrets } = CLIENT;

type Row = readonly [
  what: string,
  client: Partial<AssertionClient>,
  held: boolean,
  /** Without an assertion: nothing seen, a secret in the form, a secret by Basic. */
  reasons: readonly (string | undefined)[],
];

const NONE = [undefined, undefined, undefined];
const REQUIRED = ['assertion_required', 'assertion_required', 'assertion_required'];
const OTHER = 'client_method_mismatch';

const ROWS: readonly Row[] = [
  ['nothing set', {}, false, NONE],
  ['no keys', { secrets: [] }, false, NONE],
  ['keys', { secrets }, true, REQUIRED],
  ['keys, and a client_secret allowed', { secrets, clientSecretAllowed: true }, false, NONE],
  ['a client_secret not allowed', { secrets, clientSecretAllowed: false }, true, REQUIRED],
  ['private_key_jwt', { tokenEndpointAuthMethod: 'private_key_jwt' }, true, REQUIRED],
  ['client_secret_jwt', { tokenEndpointAuthMethod: 'client_secret_jwt' }, true, REQUIRED],
  [
    'private_key_jwt, and a client_secret allowed',
    { secrets, tokenEndpointAuthMethod: 'private_key_jwt', clientSecretAllowed: true },
    false,
    [OTHER, undefined, undefined],
  ],
  [
    'client_secret_basic',
    { secrets, tokenEndpointAuthMethod: 'client_secret_basic' },
    false,
    [OTHER, undefined, undefined],
  ],
  [
    'client_secret_post',
    { tokenEndpointAuthMethod: 'client_secret_post' },
    false,
    [OTHER, undefined, undefined],
  ],
  [
    'tls_client_auth',
    { secrets, tokenEndpointAuthMethod: 'tls_client_auth' },
    false,
    [undefined, OTHER, OTHER],
  ],
  [
    'tls_client_auth, and a client_secret allowed',
    { tokenEndpointAuthMethod: 'tls_client_auth', clientSecretAllowed: true },
    false,
    NONE,
  ],
  ['a method that is null', { tokenEndpointAuthMethod: null as never }, false, NONE],
  [
    'keys and a method that is null',
    { secrets, tokenEndpointAuthMethod: null as never },
    true,
    REQUIRED,
  ],
];

for (const [what, client, held, reasons] of ROWS) {
  test(`a client with ${what} ${held ? 'must' : 'need not'} use an assertion (RFC 7591 §2)`, () => {
    assert.equal(requiresClientAssertion(client), held);
    const methods = [undefined, 'client_secret_post', 'client_secret_basic'];
    const sent = ['client_secret'];
    assert.deepEqual(
      methods.map((method) => failureWithoutAssertion(client, method, sent)),
      methods.map((method, index) => {
        const reason = reasons[index];
        if (reason === undefined) return undefined;
        return reason === OTHER
          ? { reason, expected: client.tokenEndpointAuthMethod, actual: method ?? 'none' }
          : { reason, expected: ['client_assertion'], actual: sent };
      }),
    );
  });
}

for (const disabled of [true, 1, 'yes', 'false'] as const) {
  test(`a client whose disabled is ${JSON.stringify(disabled)} is refused by every method (RFC 6749 §5.2)`, () => {
    const client = { disabled, clientSecretAllowed: true } as unknown as AssertionClient;
    assert.equal(isDisabled(client), true);
    assert.equal(requiresClientAssertion(client), true);
    assert.deepEqual(failureWithoutAssertion(client, 'client_secret_post', []), {
      reason: 'client_disabled',
      expected: 'enabled',
      actual: 'disabled',
    });
  });
}

for (const [pinned, method, allowed] of [
  [undefined, 'private_key_jwt', true],
  [null, 'client_secret_jwt', true],
  ['private_key_jwt', 'private_key_jwt', true],
  ['private_key_jwt', 'client_secret_jwt', false],
  ['client_secret_basic', 'private_key_jwt', false],
] as const) {
  test(`${method} is ${allowed ? 'allowed' : 'refused'} to a client of ${pinned} (RFC 7591 §2)`, () => {
    const client = { tokenEndpointAuthMethod: pinned as string | undefined };
    assert.equal(allowsAssertion(client, method), allowed);
  });
}
