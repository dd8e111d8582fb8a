import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  AuthenticationEvent,
  ClientAssertionOptions,
  Reason,
  Secret,
} from '../../lib/index.js';
import { signAssertion } from '../support/assertion.js';
import { clientCertificate } from '../support/certificate.js';
import { fakeClock } from '../support/fake-clock.js';
import { newKeyPair } from '../support/keys.js';
import { outcome, validatorOf } from '../support/validator.js';

const PAIR = newKeyPair('ES256');
const OTHER = newKeyPair('ES256');
const START = 1_700_000_000;
const DAY = 86_400;

const dateOf = (seconds: number): Date => new Date(seconds * 1000);

const jwk: Secret = { type: 'JsonWebKey', value: PAIR.publicJwk };
const certificate: Secret = {
  type: 'X509CertificateBase64',
  value: (
    await clientCertificate(PAIR, {
      notBefore: dateOf(START),
      notAfter: dateOf(START + DAY),
    })
  ).base64,
};

/** Authenticates at a time, in seconds from START; the keys are in the cache already. */
async function at(
  offset: number,
  secrets: readonly Secret[],
  options: ClientAssertionOptions = {},
  header: Record<string, unknown> = {},
): Promise<{ reason: Reason | undefined; event: AuthenticationEvent | undefined }> {
  const events: AuthenticationEvent[] = [];
  const { now, advance } = fakeClock(START + DAY / 2);
  const validator = validatorOf([{ clientId: 'client', secrets }], {
    onAuthentication: (event) => events.push(event),
    ...options,
  });
  const authenticate = async () => {
    const claims = { iat: now(), exp: now() + 60 };
    return outcome(validator, await signAssertion('client', { pair: PAIR, header, claims }));
  };
  await authenticate();
  advance(offset - DAY / 2);
  return { reason: await authenticate(), event: events.at(-1) };
}

const EXPIRATIONS: Readonly<Record<string, Secret['expiration']>> = {
  'a Date': dateOf(START + DAY),
  'an ISO 8601 text': dateOf(START + DAY).toISOString(),
  'an ISO 8601 text with an offset': '2023-11-16T00:13:20+02:00',
  'seconds since the epoch': START + DAY,
};

for (const [form, expiration] of Object.entries(EXPIRATIONS)) {
  test(`a secret is refused from its expiration on, given as ${form}`, async () => {
    const secrets = [{ ...jwk, expiration }];
    assert.equal((await at(DAY - 1, secrets)).reason, undefined);
    const { reason, event } = await at(DAY, secrets);
    assert.equal(reason, 'secret_expired');
    assert.equal(event?.expected, 'the client has no key that can be used');
    assert.equal((await at(DAY + 1, secrets)).reason, 'secret_expired');
  });
}

for (const expiration of [
  -1e13,
  '01/02/2027',
  'Jan 2 2027',
  '2027',
  '1798848000',
  '2027-01-01 00:00',
]) {
  test(`a secret whose expiration is ${expiration}, which is not ISO 8601, is refused`, async () => {
    const { reason, event } = await at(0, [{ ...jwk, expiration }]);
    assert.equal(reason, 'secret_refused');
    assert.match(event?.warnings[0]?.message ?? '', /use a Date, ISO 8601 or seconds/);
  });
}

for (const expiration of [1e11, dateOf(1e11 + 1), '9999-12-31']) {
  test(`a secret with the expiration ${expiration} is valid for a long time`, async () => {
    assert.equal((await at(100 * 365 * DAY, [{ ...jwk, expiration }])).reason, undefined);
  });
}

for (const expiration of [undefined, null]) {
  test(`a secret with the expiration ${expiration} never expires`, async () => {
    const secrets = [{ ...jwk, expiration: expiration as undefined }];
    assert.equal((await at(100 * 365 * DAY, secrets)).reason, undefined);
  });
}

for (const expiration of [0, -1e11]) {
  test(`a secret that expired at ${expiration} has expired`, async () => {
    assert.equal((await at(0, [{ ...jwk, expiration }])).reason, 'secret_expired');
  });
}

test('the validity period of a certificate limits its secret, through its last second (RFC 5280 §4.1.2.5)', async () => {
  assert.equal((await at(-1, [certificate])).reason, 'secret_not_yet_valid');
  assert.equal((await at(0, [certificate])).reason, undefined);
  assert.equal((await at(DAY, [certificate])).reason, undefined);
  assert.equal((await at(DAY + 1, [certificate])).reason, 'secret_expired');
});

test('with certificateValidity false only the expiration of the secret counts', async () => {
  const options = { certificateValidity: false };
  assert.equal((await at(-DAY, [certificate], options)).reason, undefined);
  assert.equal((await at(2 * DAY, [certificate], options)).reason, undefined);
  const expiring = { ...certificate, expiration: START + 2 * DAY };
  assert.equal((await at(2 * DAY, [expiring], options)).reason, 'secret_expired');
});

test('with certificateValidity false a certificate is not called expired', async () => {
  const { base64 } = await clientCertificate(OTHER, {
    notBefore: dateOf(START),
    notAfter: dateOf(START + DAY),
  });
  const secrets: Secret[] = [{ type: 'X509CertificateBase64', value: base64 }];
  const { reason, event } = await at(2 * DAY, secrets, { certificateValidity: false });
  assert.equal(reason, 'signature_invalid');
  assert.deepEqual(event?.actual, ['alg=ES256']);
});

test('the earlier of expiration and certificate counts', async () => {
  const early = { ...certificate, expiration: START + DAY / 4 };
  assert.equal((await at(DAY / 4 - 1, [early])).reason, undefined);
  assert.equal((await at(DAY / 4, [early])).reason, 'secret_expired');
  const late = { ...certificate, expiration: START + 2 * DAY };
  assert.equal((await at(DAY + 1, [late])).reason, 'secret_expired');
});

test('another secret with the same key still works', async () => {
  const expired = { ...jwk, expiration: START };
  assert.equal((await at(DAY, [expired, jwk])).reason, undefined);
  assert.equal((await at(DAY + 1, [certificate, jwk])).reason, undefined);
  assert.equal((await at(-1, [certificate, jwk])).reason, undefined);
});

const other: Secret = { type: 'JsonWebKey', value: OTHER.publicJwk, description: 'new' };
const expiredJwk: Secret = { ...jwk, description: 'old', expiration: START };

const LATE: Readonly<Record<string, readonly [number, readonly Secret[], string]>> = {
  'by its expiration, beside a newer one': [
    DAY,
    [expiredJwk, other],
    'JsonWebKey, "old", expired on 2023-11-14T22:13:20.000Z',
  ],
  'by its certificate, beside a newer one': [
    DAY + 1,
    [certificate, other],
    'X509CertificateBase64, expired on 2023-11-15T22:13:20.000Z',
  ],
  'and is the only one': [
    DAY,
    [expiredJwk],
    'JsonWebKey, "old", expired on 2023-11-14T22:13:20.000Z',
  ],
};

for (const [name, [offset, secrets, told]] of Object.entries(LATE)) {
  test(`a client whose key expired ${name} learns nothing, and the event names the key`, async () => {
    const { reason, event } = await at(offset, secrets);
    assert.equal(reason, 'secret_expired');
    assert.deepEqual(event?.actual, ['alg=ES256', told]);
    assert.deepEqual(
      event?.expected,
      secrets.includes(other)
        ? ['JsonWebKey, "new": no kid, ES256']
        : 'the client has no key that can be used',
    );
  });
}

test('the order of the secrets does not change which key is reported as expired', async () => {
  for (const secrets of [
    [certificate, { ...other, value: { ...OTHER.publicJwk, kid: 'a' } }],
    [{ ...other, value: { ...OTHER.publicJwk, kid: 'a' } }, certificate],
  ] as const) {
    assert.equal((await at(DAY + 1, secrets, {}, { kid: 'a' })).reason, 'secret_expired');
  }
});

const live = (count: number): Secret[] =>
  Array.from({ length: count }, () => ({
    type: 'JsonWebKey',
    value: newKeyPair('ES256').publicJwk,
  }));

test('expired keys are tried within the eight tries, and at least one is tried', async () => {
  assert.equal((await at(DAY, [...live(7), expiredJwk])).reason, 'secret_expired');
  assert.equal((await at(DAY, [...live(8), expiredJwk])).reason, 'secret_expired');
  const another = { ...live(1)[0], expiration: START } as Secret;
  assert.equal((await at(DAY, [...live(8), another, expiredJwk])).reason, 'signature_invalid');
  const expired = live(7).map((secret) => ({ ...secret, expiration: START }));
  assert.equal((await at(DAY, [other, ...expired, expiredJwk])).reason, 'signature_invalid');
  assert.equal((await at(DAY, [other, ...expired.slice(1), expiredJwk])).reason, 'secret_expired');
});

test('an expired set with more keys than can be tried is not reported', async () => {
  const setOf = (count: number): Secret => ({
    type: 'JsonWebKeySet',
    value: { keys: Array.from({ length: count }, () => PAIR.publicJwk) },
    expiration: START,
  });
  assert.deepEqual((await at(DAY, [setOf(8)])).event?.actual, [
    'alg=ES256',
    'JsonWebKeySet, expired on 2023-11-14T22:13:20.000Z',
  ]);
  assert.equal((await at(DAY, [setOf(9)])).reason, 'no_matching_key');
});

test('a certificate outside its validity is not listed among the keys of the client', async () => {
  for (const offset of [-1, DAY + 1]) {
    const { event } = await at(offset, [certificate, other], {}, { kid: 'b' });
    assert.deepEqual(event?.expected, ['JsonWebKey, "new": no kid, ES256']);
  }
});

test('an unknown signature is signature_invalid, even if secrets have expired', async () => {
  const stranger: Secret = { type: 'JsonWebKey', value: newKeyPair('ES256').publicJwk };
  const secrets = [{ ...stranger, expiration: START }, other];
  assert.equal((await at(DAY, secrets)).reason, 'signature_invalid');
});

const UNFITTING: readonly (readonly [string, number, readonly Secret[], Reason])[] = [
  [
    'an expired secret that would not have fitted is not the reason',
    0,
    [
      {
        type: 'JsonWebKey',
        value: newKeyPair('RS256').publicJwk,
        expiration: START,
      },
    ],
    'no_matching_key',
  ],
  [
    'an expired secret that could not have been used is not the reason',
    0,
    [{ type: 'SharedSecret', value: 'short', expiration: START }],
    'no_matching_key',
  ],
  [
    'an expired set is the reason where one of its keys would have fitted',
    0,
    [
      {
        type: 'JsonWebKeySet',
        value: { keys: [newKeyPair('ES384').publicJwk, PAIR.publicJwk] },
        expiration: START,
      },
    ],
    'secret_expired',
  ],
  [
    'an expired jwks_uri is the reason, since nobody asks what it held',
    0,
    [{ type: 'JwksUri', value: 'https://client.example/jwks.json', expiration: START }],
    'secret_expired',
  ],
  [
    'expired comes before not yet valid',
    -DAY,
    [{ ...jwk, expiration: START - 2 * DAY }, certificate],
    'secret_expired',
  ],
  [
    'not yet valid comes before refused',
    -DAY,
    [certificate, { type: 'SharedSecret', value: 'short' }],
    'secret_not_yet_valid',
  ],
];

for (const [name, offset, secrets, reason] of UNFITTING) {
  test(`${name} (${reason})`, async () => {
    assert.equal((await at(offset, secrets)).reason, reason);
  });
}

test('for the reason, the last eight expired secrets are tried', async () => {
  const expired = { ...jwk, expiration: START };
  const others = Array.from({ length: 8 }, () => ({
    type: 'JsonWebKey' as const,
    value: newKeyPair('ES384').publicJwk,
    expiration: START,
  }));
  assert.equal((await at(DAY, [...others, expired])).reason, 'secret_expired');
  assert.equal((await at(DAY, [expired, ...others])).reason, 'no_matching_key');
});

interface Warning {
  readonly name: string;
  readonly offset: number;
  readonly secret: Secret;
  readonly options?: ClientAssertionOptions;
  readonly expiresAt: number | undefined;
  readonly warned: boolean;
}

const expiring = { ...jwk, description: 'of the console', expiration: START + 100 * DAY };

const WARNINGS: readonly Warning[] = [
  {
    name: 'no secret that never expires',
    offset: 0,
    secret: jwk,
    expiresAt: undefined,
    warned: false,
  },
  {
    name: 'nothing 30 days before the expiration',
    offset: 70 * DAY,
    secret: expiring,
    expiresAt: START + 100 * DAY,
    warned: false,
  },
  {
    name: 'what expires in less than 30 days',
    offset: 70 * DAY + 1,
    secret: expiring,
    expiresAt: START + 100 * DAY,
    warned: true,
  },
  {
    name: 'a certificate that expires',
    offset: 10,
    secret: certificate,
    expiresAt: START + DAY,
    warned: true,
  },
  {
    name: 'a certificate whose secret expires before it',
    offset: 10,
    secret: { ...certificate, expiration: START + 20 },
    expiresAt: START + 20,
    warned: true,
  },
  {
    name: 'a certificate that expires before its secret',
    offset: 10,
    secret: { ...certificate, expiration: START + 2 * DAY },
    expiresAt: START + DAY,
    warned: true,
  },
  {
    name: 'no certificate whose validity does not count',
    offset: 10,
    secret: certificate,
    options: { certificateValidity: false },
    expiresAt: undefined,
    warned: false,
  },
];

for (const { name, offset, secret, options, expiresAt, warned } of WARNINGS) {
  test(`the event warns of ${name}`, async () => {
    const { reason, event } = await at(offset, [secret], options);
    assert.equal(reason, undefined);
    const date = expiresAt === undefined ? undefined : dateOf(expiresAt);
    assert.deepEqual(event?.secretExpiresAt, date);
    const shown = secret.description === undefined ? secret.type : `JsonWebKey, "of the console"`;
    const warning = {
      code: 'secret_expiring',
      secret: shown,
      message: `The secret expires on ${date?.toISOString()}.`,
    };
    assert.deepEqual(event?.warnings, warned ? [warning] : []);
  });
}

test('a secret that is not in use causes no warning', async () => {
  const { event } = await at(0, [
    { type: 'JsonWebKey', value: OTHER.publicJwk, expiration: START + DAY },
    jwk,
  ]);
  assert.deepEqual(event?.warnings, []);
});
