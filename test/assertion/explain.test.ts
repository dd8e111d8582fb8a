import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainWithClient } from '../../lib/assertion/explain.js';
import { type CheckReport, explainAlone } from '../../lib/assertion/explain-alone.js';
import { CLIENT_ASSERTION_OPTIONS, settingsFrom } from '../../lib/assertion/options.js';
import { readRules } from '../../lib/assertion/rules.js';
import { type FederatedIdentity, MemoryReplayStore, type Reason } from '../../lib/index.js';
import { readOptions } from '../../lib/shared/options.js';
import { assertionForm, ISSUER, signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { CLIENT, clientWith } from '../support/attacks.js';
import { fakeClock } from '../support/fake-clock.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { tokenOf, trustIn } from '../support/platform.js';
import { rawAssertion } from '../support/raw-jws.js';
import { outcome, requestWith, validatorOf } from '../support/validator.js';

/** All checks, in the order of the pipeline. */
const CHECKS = [
  'request',
  'encoding',
  'alg',
  'crit',
  'b64',
  'key identifiers',
  'typ',
  'iss',
  'sub',
  'client_id parameter',
  'aud',
  'exp is a number',
  'exp is in the future',
  'nbf is a number',
  'nbf is not in the future',
  'iat is a number',
  'iat is not in the future',
  'jti',
  'authorization request',
  'client',
  'client is enabled',
  'method of the client',
  'alg of the client',
  'iat is not too old',
  'lifetime',
  'key',
  'signature',
  'replay',
];

const withOutcome = (checks: readonly CheckReport[], wanted: CheckReport['outcome']) =>
  checks.filter(({ outcome }) => outcome === wanted).map(({ check }) => check);

const failuresOf = (checks: readonly CheckReport[]) =>
  checks
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ check, reason }) => [check, reason] as const);

test('every check of a correct assertion passes, except replay, which is skipped', async () => {
  const validator = validatorOf([CLIENT]);
  const explanation = await validator.explain(requestWith(await signAssertion()));
  assert.equal(explanation.accepted, true);
  assert.deepEqual(
    explanation.checks.map(({ check }) => check),
    CHECKS,
  );
  assert.deepEqual(withOutcome(explanation.checks, 'passed'), CHECKS.slice(0, -1));
  assert.deepEqual(withOutcome(explanation.checks, 'skipped'), ['replay']);
  assert.equal(explanation.header?.['alg'], 'ES256');
  assert.equal(explanation.claims?.['iss'], 'client');
});

test('each check names the source of its rule, and a passed check has no reason', async () => {
  const { checks } = await validatorOf([CLIENT]).explain(requestWith(await signAssertion()));
  for (const { check, source, reason } of checks) {
    assert.match(source, /RFC \d{4} §/, check);
    assert.equal(reason, undefined);
  }
});

test('every failed check is reported, not only the first', async () => {
  const claims = { sub: 'another', aud: 'x', exp: 'soon', nbf: 4e9, iat: '', jti: 5 };
  const assertion = await signAssertion('client', {
    pair: newKeyPair('ES256'),
    header: { typ: 'at+jwt', kid: 'known' },
    claims,
  });
  const { accepted, checks } = await validatorOf([CLIENT]).explain(requestWith(assertion));
  assert.equal(accepted, false);
  assert.deepEqual(failuresOf(checks), [
    ['typ', 'typ_not_allowed'],
    ['sub', 'subject_mismatch'],
    ['aud', 'audience_mismatch'],
    ['exp is a number', 'expiration_invalid'],
    ['exp is in the future', 'expired'],
    ['nbf is not in the future', 'not_yet_valid'],
    ['iat is a number', 'issued_at_invalid'],
    ['jti', 'jwt_id_invalid'],
    ['lifetime', 'lifetime_too_long'],
    ['signature', 'signature_invalid'],
  ]);
});

test('expected and actual values are reported, of checks that passed as well', async () => {
  const { now } = fakeClock();
  const client = { ...CLIENT, tokenEndpointAuthSigningAlg: 'ES256', maxLifetime: 100 };
  const validator = validatorOf([client], { algorithms: ['ES256', 'RS256'] });
  const claims = { iat: now() - 10, exp: now() + 60, aud: [TOKEN_ENDPOINT], jti: 'one' };
  const { checks } = await validator.explain(
    requestWith(await signAssertion('client', { claims })),
  );
  const shown = (name: string) => {
    const found = checks.find(({ check }) => check === name);
    return [found?.expected, found?.actual];
  };
  assert.deepEqual(shown('alg'), [['ES256', 'RS256'], 'ES256']);
  assert.deepEqual(shown('crit'), ['absent', undefined]);
  assert.deepEqual(shown('typ'), [['absent', 'JWT', 'client-authentication+jwt'], undefined]);
  assert.deepEqual(shown('b64'), ['absent or true', undefined]);
  assert.deepEqual(shown('key identifiers'), ['strings', [undefined, undefined, undefined]]);
  assert.deepEqual(shown('iss'), ['the client_id', 'client']);
  assert.deepEqual(shown('sub'), ['client', 'client']);
  assert.deepEqual(shown('client_id parameter'), ['client', undefined]);
  assert.deepEqual(shown('aud'), [[ISSUER, TOKEN_ENDPOINT], [TOKEN_ENDPOINT]]);
  assert.deepEqual(shown('exp is a number'), ['a number', now() + 60]);
  assert.deepEqual(shown('exp is in the future'), [`> ${now() - 60}`, now() + 60]);
  assert.deepEqual(shown('nbf is a number'), ['absent or a number', undefined]);
  assert.deepEqual(shown('nbf is not in the future'), [`<= ${now() + 60}`, undefined]);
  assert.deepEqual(shown('iat is a number'), ['absent or a number', now() - 10]);
  assert.deepEqual(shown('iat is not in the future'), [`<= ${now() + 60}`, now() - 10]);
  assert.deepEqual(shown('jti'), ['a non-empty string', 'one']);
  assert.deepEqual(shown('authorization request'), ['absent', []]);
  assert.deepEqual(shown('client is enabled'), ['enabled', 'enabled']);
  assert.deepEqual(shown('method of the client'), ['any', 'private_key_jwt']);
  assert.deepEqual(shown('alg of the client'), ['ES256', 'ES256']);
  assert.deepEqual(shown('iat is not too old'), [`>= ${now() - 160}`, now() - 10]);
  assert.deepEqual(shown('lifetime'), ['<= 160', 70]);
});

test('a value that breaks a rule is reported as it was sent', async () => {
  const { now } = fakeClock();
  const header = { typ: 'at+jwt', crit: ['b64'], b64: false, kid: 'a', x5t: 'b', 'x5t#S256': 'c' };
  const claims = { nbf: now() + 100, response_type: 'code', redirect_uri: 'https://x.example' };
  const request = requestWith(
    rawAssertion({ alg: 'HS256', ...header }, { iss: 'client', ...claims }),
  );
  const { checks } = await validatorOf([CLIENT]).explain({
    ...request,
    parameters: { ...request.parameters, client_id: 'another' },
  });
  const actual = (name: string) => checks.find(({ check }) => check === name)?.actual;
  assert.equal(actual('typ'), 'at+jwt');
  assert.deepEqual(actual('crit'), ['b64']);
  assert.equal(actual('b64'), false);
  assert.deepEqual(actual('key identifiers'), ['a', 'b', 'c']);
  assert.equal(actual('client_id parameter'), 'another');
  assert.equal(actual('nbf is a number'), now() + 100);
  assert.equal(actual('nbf is not in the future'), now() + 100);
  assert.deepEqual(actual('authorization request'), ['response_type', 'redirect_uri']);
  assert.equal(actual('method of the client'), 'client_secret_jwt');
});

test('for an assertion that is too long, the length and the limit are reported', async () => {
  const validator = validatorOf([CLIENT], { maxAssertionLength: 100 });
  const { checks } = await validator.explain(requestWith('x'.repeat(101)));
  const { expected, actual } = checks.find(({ check }) => check === 'encoding') ?? {};
  assert.deepEqual([expected, actual], ['<= 100 characters', 101]);
});

test('a client without restrictions may use any method and alg', async () => {
  const { checks } = await validatorOf([CLIENT]).explain(requestWith(await signAssertion()));
  for (const name of ['method of the client', 'alg of the client']) {
    assert.equal(checks.find(({ check }) => check === name)?.expected, 'any');
  }
});

test('if a time is not a number, only the checks that need a number fail', async () => {
  const future = 'tomorrow';
  const claims = { exp: future, nbf: future, iat: future };
  const { checks } = await validatorOf([CLIENT]).explain(
    requestWith(await signAssertion('client', { claims })),
  );
  assert.deepEqual(failuresOf(checks), [
    ['exp is a number', 'expiration_invalid'],
    ['exp is in the future', 'expired'],
    ['nbf is a number', 'not_before_invalid'],
    ['iat is a number', 'issued_at_invalid'],
    ['lifetime', 'lifetime_too_long'],
  ]);
});

test('expected values follow the settings of a stricter mode and of the client', async () => {
  const client = { ...CLIENT, disabled: true, tokenEndpointAuthMethod: 'client_secret_jwt' };
  const validator = validatorOf([client], { audience: 'issuer', requireTyp: true });
  const { checks } = await validator.explain(requestWith(await signAssertion()));
  const shown = (name: string) => {
    const found = checks.find(({ check }) => check === name);
    return [found?.outcome, found?.expected, found?.actual];
  };
  assert.deepEqual(shown('typ'), ['failed', ['client-authentication+jwt'], undefined]);
  assert.deepEqual(shown('aud'), ['passed', `${ISSUER} alone`, ISSUER]);
  assert.deepEqual(shown('client is enabled'), ['failed', 'enabled', 'disabled']);
  assert.deepEqual(shown('method of the client'), [
    'failed',
    'client_secret_jwt',
    'private_key_jwt',
  ]);
});

interface Broken {
  readonly name: string;
  readonly parameters?: Record<string, unknown>;
  readonly assertion?: string | Promise<string>;
  /** The last check that ran, and why it failed. */
  readonly check: string;
  readonly reason: Reason;
  /** The checks that depend on it and are skipped. */
  readonly skipped: readonly string[];
}

const after = (check: string): string[] => CHECKS.slice(CHECKS.indexOf(check) + 1);

const BROKEN: readonly Broken[] = [
  {
    name: 'no assertion',
    parameters: { client_assertion: undefined },
    check: 'request',
    reason: 'client_assertion_missing',
    skipped: after('request'),
  },
  {
    name: 'nothing at all',
    parameters: { client_assertion: undefined, client_assertion_type: undefined },
    check: 'request',
    reason: 'client_assertion_absent',
    skipped: after('request'),
  },
  {
    name: 'a second method',
    parameters: { client_secret: 'x' },
    check: 'request',
    reason: 'multiple_authentication_methods',
    skipped: after('request'),
  },
  {
    name: 'a text that is no JWS',
    assertion: 'x',
    check: 'encoding',
    reason: 'assertion_malformed',
    skipped: after('encoding'),
  },
  {
    name: 'a text that is too long',
    assertion: 'x'.repeat(20_000),
    check: 'encoding',
    reason: 'assertion_too_long',
    skipped: after('encoding'),
  },
  {
    name: 'an iss that names nobody',
    assertion: signAssertion('client', { claims: { iss: 5, sub: 5 } }),
    check: 'iss',
    reason: 'issuer_invalid',
    skipped: after('authorization request'),
  },
  {
    name: 'an unknown client',
    assertion: signAssertion('unknown'),
    check: 'client',
    reason: 'unknown_client',
    skipped: after('client'),
  },
  {
    name: 'no key that fits',
    assertion: signAssertion('client', { pair: newKeyPair('RS256') }),
    check: 'key',
    reason: 'no_matching_key',
    skipped: after('key'),
  },
  {
    name: 'a wrong signature',
    assertion: signAssertion('client', { pair: newKeyPair('ES256') }),
    check: 'signature',
    reason: 'signature_invalid',
    skipped: after('signature'),
  },
];

for (const { name, parameters, assertion = 'a.b.c', check, reason, skipped } of BROKEN) {
  test(`after ${name}, the checks that depend on it are skipped`, async () => {
    const request = requestWith(await assertion);
    const explanation = await validatorOf([CLIENT]).explain({
      ...request,
      parameters: { ...request.parameters, ...parameters },
    });
    assert.equal(explanation.accepted, false);
    assert.deepEqual(
      explanation.checks.map((report) => report.check),
      CHECKS,
    );
    assert.deepEqual(failuresOf(explanation.checks), [[check, reason]]);
    assert.deepEqual(withOutcome(explanation.checks, 'skipped'), skipped);
    assert.equal(explanation.header === undefined, ['request', 'encoding'].includes(check));
  });
}

test('the client_id parameter does not make a client’s own assertion a platform’s (RFC 7521 §4.2)', async () => {
  const { parameters, ...request } = requestWith(await signAssertion());
  const { accepted, checks } = await validatorOf([CLIENT]).explain({
    ...request,
    parameters: { ...parameters, client_id: 'client' },
  });
  assert.equal(accepted, true);
  assert.deepEqual(
    checks.map(({ check }) => check),
    CHECKS,
  );
});

test('a client_id parameter that names another client is a failed check (RFC 7521 §4.2)', async () => {
  const { parameters, ...request } = requestWith(await signAssertion());
  const { checks } = await validatorOf([CLIENT]).explain({
    ...request,
    parameters: { ...parameters, client_id: 'another' },
  });
  assert.deepEqual(failuresOf(checks), [['client_id parameter', 'client_id_mismatch']]);
});

test('without a lookup, the checks that depend on the client are skipped', async () => {
  const { now } = fakeClock();
  const settings = settingsFrom(readOptions('test', {}, CLIENT_ASSERTION_OPTIONS));
  const claims = { iat: now(), exp: now() + 60 };
  const request = requestWith(await signAssertion('client', { claims }));
  const explanation = await explainWithClient(request, settings, undefined);
  assert.equal(explanation.accepted, false);
  assert.deepEqual(
    explanation.checks.map(({ check }) => check),
    CHECKS,
  );
  assert.deepEqual(failuresOf(explanation.checks), []);
  assert.deepEqual(withOutcome(explanation.checks, 'skipped'), after('authorization request'));
  assert.deepEqual(explainAlone(request, settings), explanation);
});

test('without an issuer, the audience check is skipped', async () => {
  const { parameters } = requestWith(await signAssertion());
  const { checks, claims } = explainAlone({ parameters }, readRules('test', {}));
  assert.deepEqual(failuresOf(checks), []);
  assert.deepEqual(withOutcome(checks, 'skipped'), ['aud', ...after('authorization request')]);
  assert.equal(claims?.['aud'], ISSUER);
});

test('an explanation uses no assertion up and emits no event', async () => {
  let events = 0;
  const replay = new MemoryReplayStore();
  const validator = validatorOf([CLIENT], { replay, onAuthentication: () => (events += 1) });
  const assertion = await signAssertion();
  for (const _ of [1, 2]) {
    assert.equal((await validator.explain(requestWith(assertion))).accepted, true);
  }
  assert.equal(replay.size, 0);
  assert.equal(events, 0);
  assert.equal(await outcome(validator, assertion), undefined);
  assert.equal((await validator.explain(requestWith(assertion))).accepted, true);
});

test('a lookup that fails is reported as the failure of its check', async () => {
  const validator = validatorOf([
    Object.defineProperty({ ...CLIENT }, 'clientId', {
      get() {
        throw new Error('down');
      },
    }),
  ]);
  const { checks } = await validator.explain(requestWith(await signAssertion()));
  assert.deepEqual(failuresOf(checks), [['client', 'client_lookup_failed']]);
});

test('values from outside are shortened in the checks, and whole in header and claims', async () => {
  const aud = 'x'.repeat(1000);
  const assertion = rawAssertion(undefined, { iss: 'client', sub: 'client', aud });
  const { checks, claims } = await validatorOf([CLIENT]).explain(requestWith(assertion));
  const shown = checks.find(({ check }) => check === 'aud')?.actual;
  assert.equal(shown, `${'x'.repeat(200)}… (1000 characters)`);
  assert.equal(claims?.['aud'], aud);
});

const PLATFORM = { issuer: 'https://platform.example', pair: keyPair('ES256') };

/** All checks of a platform's assertion, in the order of the pipeline. */
const CHECKS_OF_PLATFORM = [
  ...CHECKS.filter((name) => !/^(iss|sub|client_id parameter|aud|jti)$/.test(name)).slice(0, -6),
  'iss',
  'sub',
  'aud',
  'further claims',
  'iat is not too old',
  'lifetime',
  'jti',
  'key',
  'signature',
  'replay',
];

const afterOfPlatform = (check: string): string[] =>
  CHECKS_OF_PLATFORM.slice(CHECKS_OF_PLATFORM.indexOf(check) + 1);

const NO_REPLAY = ['replay'];
const UNKNOWN_KEY = ['key', 'signature', 'replay'];

for (const { name, trust, claims, server, lookup = 'workload', failed, skipped } of [
  { name: 'that is right', skipped: NO_REPLAY },
  {
    name: 'without an issuer of the server',
    server: { issuer: undefined },
    skipped: ['aud', 'replay'],
  },
  {
    name: 'without an issuer of the server, for an audience that the client asks for',
    server: { issuer: undefined },
    trust: { audience: 'api://tokens' },
    claims: { aud: 'api://tokens' },
    skipped: NO_REPLAY,
  },
  {
    name: 'of another subject: the other rules are compared all the same',
    claims: { sub: 'other', aud: 'https://other.example' },
    failed: ['subject_mismatch', 'audience_mismatch'],
    skipped: UNKNOWN_KEY,
  },
  {
    name: 'of a platform that the client does not trust: there is nothing to compare',
    claims: { iss: 'https://other.example' },
    failed: ['subject_mismatch'],
    skipped: afterOfPlatform('iss'),
  },
  {
    name: 'of another subject, without an issuer of the server',
    claims: { sub: 'other' },
    server: { issuer: undefined },
    failed: ['subject_mismatch'],
    skipped: ['aud', ...UNKNOWN_KEY],
  },
  {
    name: 'whose subject fits one identity, and whose audience another',
    claims: { aud: 'x' },
    failed: ['audience_mismatch'],
    skipped: UNKNOWN_KEY,
  },
  {
    name: 'for a client that trusts no platform',
    lookup: 'no identity',
    failed: ['subject_mismatch'],
    skipped: afterOfPlatform('iss'),
  },
  {
    name: 'of an unknown client',
    lookup: 'no client',
    failed: ['unknown_client'],
    skipped: afterOfPlatform('client'),
  },
  {
    name: 'without a lookup',
    lookup: 'none',
    skipped: ['client', ...afterOfPlatform('client')],
  },
] as readonly {
  readonly name: string;
  readonly trust?: Partial<FederatedIdentity>;
  readonly claims?: Record<string, unknown>;
  readonly server?: { readonly issuer: undefined };
  /** What the lookup finds; `none` if there is no lookup. */
  readonly lookup?: 'workload' | 'no identity' | 'no client' | 'none';
  readonly failed?: readonly Reason[];
  readonly skipped: readonly string[];
}[]) {
  test(`explain of a platform’s assertion ${name} (RFC 7521 §3)`, async () => {
    const { now } = fakeClock();
    const settings = settingsFrom(readOptions('test', {}, CLIENT_ASSERTION_OPTIONS));
    const jwks = { keys: [PLATFORM.pair.publicJwk] };
    const workload = clientWith('workload', [
      // Of two identities, the one that fits is used.
      trustIn(PLATFORM, { jwks, subject: 'another', audience: 'x' }),
      trustIn(PLATFORM, { jwks, ...trust }),
    ]);
    const assertion = tokenOf(PLATFORM, { claims: { iat: now(), ...claims } });
    const request = {
      ...requestWith(assertion),
      ...server,
      parameters: assertionForm(assertion, { client_id: 'workload' }),
    };
    const found = lookup === 'no identity' ? clientWith('workload', []) : workload;
    const find = () => (lookup === 'no client' ? undefined : found);
    const findClient = lookup === 'none' ? undefined : find;
    const explanation = await explainWithClient(request, settings, findClient);
    assert.deepEqual(
      explanation.checks.map(({ check }) => check),
      CHECKS_OF_PLATFORM,
    );
    assert.deepEqual(
      failuresOf(explanation.checks).map(([, reason]) => reason),
      failed ?? [],
    );
    assert.deepEqual(withOutcome(explanation.checks, 'skipped'), skipped);
    assert.equal(explanation.accepted, failed === undefined && skipped === NO_REPLAY);
    if (lookup === 'none') assert.deepEqual(explainAlone(request, settings), explanation);
  });
}
