import assert from 'node:assert/strict';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { AUTHENTICATION_CHANNEL, CLIENT_ASSERTION_TYPE, type Secret } from '../../lib/index.js';
import { assertionForm, signAssertion, validClaims } from '../support/assertion.js';
import { clientWith, jwkSecret } from '../support/attacks.js';
import { clientCertificate } from '../support/certificate.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { hmacSigner, rawAssertion } from '../support/raw-jws.js';
import { tokenEndpoint } from '../support/token-endpoint.js';
import { requestWith, validatorOf } from '../support/validator.js';

const EC = keyPair('ES256');
const RSA = keyPair('RS256');
const SHARED = 'correct-horse-battery-staple-0123456789';
const PRIVATE_PEM = RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const CERTIFICATE = (await clientCertificate(RSA)).base64;
const PRIVATE_JWK = EC.privateKey.export({ format: 'jwk' }) as { kty: string };

const bad: readonly Secret[] = [
  { type: 'X509CertificateBase64', value: PRIVATE_PEM.replaceAll('\n', '') },
  { type: 'PublicKeyPem', value: PRIVATE_PEM },
  { type: 'JsonWebKey', value: PRIVATE_JWK },
  { type: 'JsonWebKey', value: JSON.stringify(PRIVATE_JWK).slice(0, -1) },
  { type: 'SharedSecret', value: SHARED.slice(0, 31) },
  { type: SHARED.slice(0, 5) as 'SharedSecret', value: SHARED },
];

const CLIENTS = [
  clientWith('client', [jwkSecret(EC), { type: 'SharedSecret', value: SHARED }]),
  clientWith('certificate', [{ type: 'X509CertificateBase64', value: CERTIFICATE }]),
  clientWith('bad', bad),
  clientWith('bad-and-good', [...bad, jwkSecret(EC)]),
];

/** Every text that is worth stealing: keys, secrets, and what signs for a client. */
const SECRETS: readonly string[] = [
  SHARED,
  SHARED.slice(0, 20),
  CERTIFICATE.slice(100, 160),
  ...PRIVATE_PEM.split('\n').slice(1, -2),
  ...Object.values(PRIVATE_JWK).filter((value) => String(value).length > 20),
  ...Object.values(RSA.publicJwk).filter((value) => String(value).length > 20),
].map(String);

const assertions: string[] = [];

async function noted(assertion: string | Promise<string>): Promise<string> {
  const text = await assertion;
  assertions.push(text);
  return text;
}

type Form = URLSearchParams | string;

/** Everything that can be sent, with assertions and secrets in the right and in wrong places. */
async function requests(): Promise<readonly (readonly [Form, Record<string, string>?])[]> {
  const valid = () => noted(signAssertion());
  const twice = assertionForm(await valid());
  const misplaced = await valid();
  const hmac = () =>
    noted(rawAssertion({ alg: 'HS256' }, validClaims(), hmacSigner('sha256', SHARED)));
  return [
    [twice],
    [twice],
    [assertionForm(await hmac())],
    [assertionForm(await noted(signAssertion('unknown')))],
    [assertionForm(await noted(signAssertion('bad')))],
    [assertionForm(await noted(signAssertion('bad-and-good')))],
    [assertionForm(await noted(signAssertion('certificate', { pair: RSA })))],
    [assertionForm(await noted(signAssertion('client', { pair: newKeyPair('ES256') })))],
    [assertionForm(await noted(signAssertion('client', { claims: { exp: 1 } })))],
    [assertionForm(await noted(signAssertion('client', { claims: { aud: misplaced } })))],
    [assertionForm(await noted(signAssertion('client', { claims: { aud: [misplaced] } })))],
    [assertionForm(await noted(signAssertion('client', { claims: { exp: misplaced } })))],
    [assertionForm(await noted(signAssertion('client', { claims: { sub: misplaced } })))],
    [assertionForm(await noted(signAssertion(misplaced)))],
    [assertionForm(await noted(signAssertion('client', { header: { kid: misplaced } })))],
    [assertionForm(await noted(signAssertion('client', { header: { typ: misplaced } })))],
    [assertionForm(await noted(signAssertion('certificate', { header: { x5t: misplaced } })))],
    [assertionForm(await valid(), { client_secret: SHARED })],
    [assertionForm(await valid(), { client_id: misplaced })],
    [assertionForm(`${await valid()}.${misplaced}`)],
    [assertionForm(await valid()), { authorization: `Basic ${btoa(`client:${SHARED}`)}` }],
    [`${assertionForm(await valid())}&client_assertion=${misplaced}`],
    [new URLSearchParams({ client_assertion: misplaced })],
    [
      new URLSearchParams({
        client_assertion: CLIENT_ASSERTION_TYPE,
        client_assertion_type: misplaced,
      }),
    ],
    [new URLSearchParams({ client_id: 'client', client_secret: SHARED })],
  ];
}

/** All that comes out while a test runs: channels, warnings, and what is printed. */
function listenToEverything(t: TestContext): unknown[] {
  const heard: unknown[] = [];
  const hear = (message: unknown) => heard.push(inspect(message, { depth: null }));
  const tracing = tracingChannel('passport-private-key-jwt:authenticate');
  const subscribers = { start: hear, end: hear, asyncStart: hear, asyncEnd: hear, error: hear };
  subscribe(AUTHENTICATION_CHANNEL, hear);
  tracing.subscribe(subscribers);
  process.on('warning', hear);
  t.after(() => {
    unsubscribe(AUTHENTICATION_CHANNEL, hear);
    tracing.unsubscribe(subscribers);
    process.off('warning', hear);
  });
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
    t.mock.method(console, method, hear);
  }
  return heard;
}

function assertHoldsNoSecret(output: unknown): void {
  const text = inspect(output, { depth: null, maxStringLength: null, maxArrayLength: null });
  // Lines that are broken for display hide nothing.
  const joined = text.replace(/['"`]\s*\+\s*['"`]/g, '');
  const pieces = assertions.flatMap((jwt) => {
    const [, payload = '', signature = ''] = jwt.split('.');
    return [jwt, payload, payload.slice(0, 60), signature];
  });
  for (const secret of [...SECRETS, ...pieces]) {
    assert.ok(!joined.includes(secret), `the output has ${secret.slice(0, 40)}…`);
  }
}

for (const detailedErrors of [false, true]) {
  test(`no output has a key, a secret or an assertion, with detailedErrors ${detailedErrors}`, async (t) => {
    const heard = listenToEverything(t);
    const endpoint = await tokenEndpoint(CLIENTS, { detailedErrors });
    t.after(() => endpoint.close());
    const answers: unknown[] = [];
    const statuses = new Set<number>();
    for (const [form, headers] of await requests()) {
      const response = await endpoint.post(form, headers);
      statuses.add(response.status);
      // What the endpoint answers on success is the application's own.
      const body = response.status === 200 ? '' : await response.text();
      answers.push([response.status, [...response.headers], body]);
    }
    assert.deepEqual([...statuses].sort(), [200, 400, 401]);
    assert.ok(endpoint.events.length > 20 && heard.length > 80);
    assertHoldsNoSecret([heard, answers, endpoint.events, endpoint.errors]);
  });
}

test('no thrown error and no explanation has a key, a secret or an assertion', async () => {
  const validator = validatorOf(CLIENTS);
  for (const [form] of await requests()) {
    const parameters = Object.fromEntries(new URLSearchParams(form));
    const request = { ...requestWith(''), parameters };
    const { checks } = await validator.explain(request);
    const error = await validator.validate(request).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assertHoldsNoSecret([checks, error, String(error)]);
  }
});
