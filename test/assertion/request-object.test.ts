import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REQUEST_OBJECT_CHECKS } from '../../lib/assertion/checks/request-object.js';
import {
  type AssertionClient,
  type Reason,
  RemoteJwkSets,
  RequestObjectError,
  validateRequestObject,
} from '../../lib/index.js';
import {
  assertionForm,
  type Differences,
  ISSUER,
  signAssertion,
  TOKEN_ENDPOINT,
} from '../support/assertion.js';
import { CLIENT, clientWith, jwkSecret } from '../support/attacks.js';
import { fakeClock } from '../support/fake-clock.js';
import { keyPair, newKeyPair } from '../support/keys.js';
import { encoded, hmacSigner, rawJws } from '../support/raw-jws.js';
import { tokenEndpoint } from '../support/token-endpoint.js';

type RequestObjectOptions = Parameters<typeof validateRequestObject>[0];

const TYP = 'oauth-authz-req+jwt';

/** A request object, valid but for the differences. */
const requestObject = ({ claims = {}, header = {}, ...rest }: Differences = {}) =>
  signAssertion('client', {
    header: { typ: TYP, ...header },
    claims: {
      sub: undefined,
      jti: undefined,
      client_id: 'client',
      response_type: 'code',
      ...claims,
    },
    ...rest,
  });

const validate = async (
  request: string | Promise<string>,
  options: Partial<RequestObjectOptions> = {},
) => validateRequestObject({ request: await request, client: CLIENT, issuer: ISSUER, ...options });

async function assertRefused(result: Promise<unknown>, reason: Reason): Promise<void> {
  await assert.rejects(result, (error) => {
    assert.ok(error instanceof RequestObjectError);
    assert.deepEqual(error.toJSON(), {
      error: 'invalid_request_object',
      error_description: 'The request object is invalid.',
    });
    assert.equal(error.status, 400);
    assert.equal(error.reason, reason);
    return true;
  });
}

test('all claims that do not describe the JWT become parameters of the authorization request (RFC 9101 §6.3)', async () => {
  const claims = { scope: 'openid', state: 'x', claims: { userinfo: {} }, nbf: 1, jti: 'one' };
  const { parameters, header, claims: all } = await validate(requestObject({ claims }));
  assert.deepEqual(parameters, {
    client_id: 'client',
    response_type: 'code',
    scope: 'openid',
    state: 'x',
    claims: { userinfo: {} },
  });
  assert.deepEqual(header, { alg: 'ES256', typ: TYP });
  assert.equal(all['iss'], 'client');
});

test('a parameter named __proto__ is only a parameter', async () => {
  const claims = { iss: 'client', aud: ISSUER, exp: Math.floor(Date.now() / 1000) + 60 };
  const text = `{"__proto__":{"scope":"admin"},"client_id":"client",${JSON.stringify(claims).slice(1)}`;
  const client = clientWith('client', [{ type: 'SharedSecret', value: 'x'.repeat(32) }]);
  const request = rawJws({ alg: 'HS256' }, text, hmacSigner('sha256', 'x'.repeat(32)));
  const { parameters } = await validate(request, { client });
  assert.equal(parameters['scope'], undefined);
  assert.deepEqual(Object.keys(parameters), ['__proto__', 'client_id']);
});

for (const [name, differences] of [
  ['without a typ', { header: { typ: undefined } }],
  ['with typ JWT', { header: { typ: 'jwt' } }],
  ['with its typ in full', { header: { typ: `application/${TYP.toUpperCase()}` } }],
  ['whose aud is an array', { claims: { aud: [ISSUER] } }],
  ['for several servers', { claims: { aud: ['https://other.example', ISSUER] } }],
  ['about a user', { claims: { sub: 'user' } }],
  ['that is valid for an hour', { claims: { exp: Math.floor(Date.now() / 1000) + 3600 } }],
  ['with a parameter that is an object', { claims: { authorization_details: [{}] } }],
] as const satisfies readonly (readonly [string, Differences])[]) {
  test(`a request object ${name} is accepted (RFC 9101 §4)`, async () => {
    const { parameters } = await validate(requestObject(differences));
    assert.equal(parameters['client_id'], 'client');
  });
}

for (const [name, differences, reason] of [
  ['of another client', { claims: { iss: 'other' } }, 'request_object_issuer_mismatch'],
  ['without iss', { claims: { iss: undefined } }, 'request_object_issuer_mismatch'],
  ['with iss in an array', { claims: { iss: ['client'] } }, 'request_object_issuer_mismatch'],
  [
    'with another client_id inside',
    { claims: { client_id: 'x' } },
    'request_object_client_mismatch',
  ],
  [
    'without client_id inside',
    { claims: { client_id: undefined } },
    'request_object_client_mismatch',
  ],
  ['for another server', { claims: { aud: 'https://other.example' } }, 'audience_mismatch'],
  ['for the token endpoint', { claims: { aud: TOKEN_ENDPOINT } }, 'audience_mismatch'],
  ['for the issuer with a slash', { claims: { aud: `${ISSUER}/` } }, 'audience_mismatch'],
  ['for the issuer in two arrays', { claims: { aud: [[ISSUER]] } }, 'audience_mismatch'],
  ['for nobody', { claims: { aud: undefined } }, 'audience_mismatch'],
  ['with request inside', { claims: { request: 'x' } }, 'request_object_nested'],
  ['with an empty request inside', { claims: { request: '' } }, 'request_object_nested'],
  ['with request_uri inside', { claims: { request_uri: 'urn:x' } }, 'request_object_nested'],
  ['with request_uri null', { claims: { request_uri: null } }, 'request_object_nested'],
  ['that has expired', { claims: { exp: 1 } }, 'expired'],
  ['without exp', { claims: { exp: undefined } }, 'expiration_invalid'],
  ['whose exp is a text', { claims: { exp: '4102444800' } }, 'expiration_invalid'],
  ['that is not valid yet', { claims: { nbf: 4_102_444_800 } }, 'not_yet_valid'],
  ['from the future', { claims: { iat: 4_102_444_800 } }, 'issued_in_the_future'],
  [
    'that is valid for more than an hour',
    { claims: { iat: undefined, exp: Math.floor(Date.now() / 1000) + 3700 } },
    'lifetime_too_long',
  ],
  ['of another key', { pair: newKeyPair('ES256') }, 'signature_invalid'],
  ['with alg none', { header: { alg: 'none' }, pair: keyPair('ES256') }, 'algorithm_not_allowed'],
  ['of an alg that no key fits', { pair: keyPair('RS256') }, 'no_matching_key'],
  ['with crit', { header: { crit: ['exp'], exp: 1 } }, 'critical_header'],
  ['with a kid that is a number', { header: { kid: 5 } }, 'key_identifier_invalid'],
  ['that is an access token', { header: { typ: 'at+jwt' } }, 'typ_not_allowed'],
  ['that is a DPoP proof', { header: { typ: 'dpop+jwt' } }, 'typ_not_allowed'],
  ['with an empty typ', { header: { typ: '' } }, 'typ_not_allowed'],
  [
    'that says it is a client assertion',
    { header: { typ: 'client-authentication+jwt' } },
    'typ_not_allowed',
  ],
  ['with the sub of an assertion', { claims: { sub: 'client' } }, 'request_object_subject_present'],
] as const satisfies readonly (readonly [string, Differences, Reason])[]) {
  test(`a request object ${name} is refused: ${reason} (RFC 9101 §6)`, async () => {
    const request =
      reason === 'algorithm_not_allowed' || reason === 'critical_header'
        ? withHeader(differences.header ?? {})
        : requestObject(differences);
    await assertRefused(validate(request), reason);
  });
}

/** What jose does not sign. */
async function withHeader(header: object): Promise<string> {
  const [, payload, signature] = (await requestObject()).split('.');
  return `${encoded({ alg: 'ES256', ...header })}.${payload}.${signature}`;
}

for (const request of ['', 'x', 'a.b.c', ['a.b.c'], undefined, null, {}, 5]) {
  test(`${JSON.stringify(request)} is no request object`, async () => {
    await assertRefused(validate(request as string), 'assertion_malformed');
  });
}

test('a request object longer than 65,536 characters is refused without decoding', async () => {
  await assertRefused(validate('a'.repeat(65_537)), 'assertion_too_long');
  await assertRefused(validate('a'.repeat(65_536)), 'assertion_malformed');
});

test('requireTyp accepts only the explicit typ (RFC 9101 §10.8)', async () => {
  const options = { requireTyp: true };
  await validate(requestObject(), options);
  await validate(requestObject({ claims: { aud: [ISSUER, 'https://other.example'] } }), options);
  for (const typ of [undefined, 'JWT']) {
    await assertRefused(validate(requestObject({ header: { typ } }), options), 'typ_not_allowed');
  }
});

/** Seconds from now. */
const at = (offset: number) => Math.floor(Date.now() / 1000) + offset;

/** Options, claims, and the reason; undefined if the request object is accepted. */
const RULES: readonly (readonly [
  string,
  Partial<RequestObjectOptions>,
  () => Record<string, unknown>,
  Reason | undefined,
])[] = [
  [
    'exp may be absent if it is not required',
    { requireExpiration: false },
    () => ({ exp: undefined }),
    undefined,
  ],
  [
    'exp is checked if it is present all the same',
    { requireExpiration: false },
    () => ({ exp: 1 }),
    'expired',
  ],
  [
    'exp as a string is no exp',
    { requireExpiration: false },
    () => ({ exp: String(at(60)) }),
    'expiration_invalid',
  ],
  ['nbf is required', { requireNotBefore: true }, () => ({}), 'not_before_invalid'],
  ['nbf is there', { requireNotBefore: true }, () => ({ nbf: at(0) }), undefined],
  [
    'nbf is 60 minutes old',
    { requireNotBefore: true, maxLifetime: 9000 },
    () => ({ nbf: at(-3590), exp: at(5), iat: undefined }),
    undefined,
  ],
  [
    'nbf is older',
    { requireNotBefore: true },
    () => ({ nbf: at(-3601), exp: at(5) }),
    'not_before_too_old',
  ],
  [
    'exp is 60 minutes after nbf',
    { requireNotBefore: true },
    () => ({ nbf: at(0), exp: at(3600) }),
    undefined,
  ],
  [
    'exp is later',
    { requireNotBefore: true },
    () => ({ nbf: at(-10), exp: at(3600) }),
    'lifetime_too_long',
  ],
  [
    'CIBA claims are missing',
    { requireClaims: ['iat', 'jti', 'nbf'] },
    () => ({}),
    'claim_missing',
  ],
  [
    'CIBA claims are there',
    { requireClaims: ['iat', 'jti', 'nbf'] },
    () => ({ jti: 'a', nbf: at(0) }),
    undefined,
  ],
  ['aud has a slash more', { ignoreTrailingSlash: true }, () => ({ aud: `${ISSUER}/` }), undefined],
  ['fapi2: as it should be', { profile: 'fapi2' }, () => ({ nbf: at(0) }), undefined],
  [
    'fapi2: several values of aud',
    { profile: 'fapi2' },
    () => ({ nbf: at(0), aud: ['https://other.example', ISSUER] }),
    undefined,
  ],
  ['fapi2: without nbf', { profile: 'fapi2' }, () => ({}), 'not_before_invalid'],
  [
    'fapi2: without exp',
    { profile: 'fapi2' },
    () => ({ nbf: at(0), exp: undefined }),
    'expiration_invalid',
  ],
  [
    'fapi2: exp 61 minutes after nbf',
    { profile: 'fapi2' },
    () => ({ nbf: at(-60), exp: at(3600) }),
    'lifetime_too_long',
  ],
  ['fapi2: nbf 8 s ahead', { profile: 'fapi2' }, () => ({ nbf: at(8) }), undefined],
  [
    'fapi2: state outside',
    { profile: 'fapi2', state: 'x' },
    () => ({ nbf: at(0) }),
    'request_object_state_outside',
  ],
];

for (const [name, options, claims, reason] of RULES) {
  test(`${name}: ${reason ?? 'accepted'} (FAPI 2.0 Message Signing §5.3.1, CIBA §7.1.1)`, async () => {
    const result = validate(requestObject({ claims: claims() }), options);
    if (reason === undefined) assert.ok((await result).parameters);
    else await assertRefused(result, reason);
  });
}

test('fapi2 refuses RS256 although the client has registered no alg', async () => {
  const client = clientWith('client', [jwkSecret(keyPair('RS256'))]);
  const request = requestObject({ claims: { nbf: at(0) }, pair: keyPair('RS256') });
  await assertRefused(validate(request, { client, profile: 'fapi2' }), 'algorithm_not_allowed');
});

for (const options of [
  { requireNotBefore: false },
  { requireExpiration: false },
  { algorithms: ['RS256'] },
  { clockTolerance: 61 },
  { clockTolerance: 9 },
  { clockTolerance: 0 },
  { ignoreTrailingSlash: true },
] as const satisfies Partial<RequestObjectOptions>[]) {
  test(`with profile fapi2, ${JSON.stringify(options)} is a ConfigurationError`, async () => {
    const result = validate(requestObject(), { profile: 'fapi2', ...options });
    await assert.rejects(result, { name: 'ConfigurationError' });
  });
}

test('a state outside the object is used only if the object has none (OpenID Connect Core §6.1)', async () => {
  const outside = await validate(requestObject(), { state: 'outside' });
  assert.equal(outside.parameters['state'], 'outside');
  const inside = await validate(requestObject({ claims: { state: 'inside' } }), {
    state: 'outside',
  });
  assert.equal(inside.parameters['state'], 'inside');
});

for (const depth of [30, 5000]) {
  test(`a request object nested ${depth} deep is refused before other code reads it`, async () => {
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const valid = { iss: 'client', aud: ISSUER, exp: at(60), client_id: 'client' };
    const payload = `{"deep":${nested},${JSON.stringify(valid).slice(1)}`;
    const request = rawJws({ alg: 'HS256' }, payload, hmacSigner('sha256', 'x'.repeat(32)));
    const client = clientWith('client', [{ type: 'SharedSecret', value: 'x'.repeat(32) }]);
    await assertRefused(validate(request, { client }), 'assertion_malformed');
  });
}

test('times are checked with the clock, the tolerance and maxLifetime', async () => {
  const { now, restore } = fakeClock();
  const at = (claims: Record<string, number>, options: Partial<RequestObjectOptions> = {}) =>
    validate(requestObject({ claims: { iat: undefined, ...claims } }), options);
  await at({ exp: now() - 59 });
  await assertRefused(at({ exp: now() - 60 }), 'expired');
  const exact = { clockTolerance: 0, maxLifetime: 30 };
  await at({ exp: now() + 30 }, exact);
  await assertRefused(at({ exp: now() + 31 }, exact), 'lifetime_too_long');
  await assertRefused(at({ exp: now() }, exact), 'expired');
  await assertRefused(at({ exp: now() + 1, nbf: now() + 1 }, exact), 'not_yet_valid');
  await at({ exp: now() + 3660 });
  await assertRefused(at({ exp: now() + 3661 }), 'lifetime_too_long');
  restore();
});

test('a request object must use an alg that the server and the client allow', async () => {
  const client = (more: Partial<AssertionClient>) => ({ client: { ...CLIENT, ...more } });
  await validate(requestObject(), client({ requestObjectSigningAlg: 'ES256' }));
  await validate(requestObject(), client({ tokenEndpointAuthSigningAlg: 'PS256' }));
  // As databases have it.
  const unset = { requestObjectSigningAlg: null as unknown as undefined };
  await validate(requestObject(), client(unset));
  await validate(requestObject(), { algorithms: ['ES256'] });
  await assertRefused(
    validate(requestObject(), client({ requestObjectSigningAlg: 'PS256' })),
    'client_algorithm_mismatch',
  );
  await assertRefused(
    validate(requestObject(), { algorithms: ['PS256'] }),
    'algorithm_not_allowed',
  );
});

test('a client with another method may sign request objects; a disabled client may not', async () => {
  const basic = { ...CLIENT, tokenEndpointAuthMethod: 'client_secret_basic' };
  await validate(requestObject(), { client: basic });
  const disabled = { ...CLIENT, disabled: true };
  await assertRefused(validate(requestObject(), { client: disabled }), 'client_disabled');
});

test('the secrets are those of authentication: expired ones are refused', async () => {
  const secret = jwkSecret(keyPair('ES256'));
  const client = clientWith('client', [{ ...secret, expiration: new Date(Date.now() - 1000) }]);
  await assertRefused(validate(requestObject(), { client }), 'secret_expired');
  await assertRefused(
    validate(requestObject(), { client: clientWith('client', []) }),
    'no_matching_key',
  );
});

for (const [name, options, message] of [
  ['no issuer', { issuer: undefined }, /^issuer must be a non-empty string/],
  ['an empty issuer', { issuer: '' }, /^issuer must be a non-empty string/],
  ['a client without an id', { client: { secrets: CLIENT.secrets } }, /^client must be the client/],
  ['a client with an empty id', { client: clientWith('', []) }, /^client must be the client/],
  ['no client', { client: null }, /^client must be the client/],
  ['the id of a client', { client: 'client' }, /^client must be the client/],
  ['alg none', { algorithms: ['none'] }, /^algorithms has "none": choose from/],
  ['a tolerance as a text', { clockTolerance: '60' }, /^clockTolerance must be a finite number/],
  ['no lifetime', { maxLifetime: 0 }, /^maxLifetime must be a finite number of at least 1/],
  ['requireTyp as a text', { requireTyp: 'yes' }, /^requireTyp must be true or false/],
  ['another profile', { profile: 'fapi1' }, /^profile must be 'fapi2'/],
  ['a claim that is no name', { requireClaims: [5] }, /^requireClaims must be an array/],
  ['certificateValidity as 1', { certificateValidity: 1 }, /^certificateValidity must be true/],
] as const) {
  test(`${name} is a ConfigurationError or TypeError for the operator`, async () => {
    const wrong = options as unknown as Partial<RequestObjectOptions>;
    await assert.rejects(validate(requestObject(), wrong), { name: 'TypeError', message });
  });
}

test('a client assertion is refused as a request object, and the reverse (RFC 9101 §10.8)', async (t) => {
  await assert.rejects(validate(signAssertion()), RequestObjectError);
  const mixed = { client_id: 'client', response_type: 'code' };
  await assertRefused(
    validate(signAssertion('client', { claims: mixed })),
    'request_object_subject_present',
  );
  const endpoint = await tokenEndpoint([CLIENT]);
  t.after(() => endpoint.close());
  const reasonOf = async (assertion: Promise<string>) => {
    const { status } = await endpoint.post(assertionForm(await assertion));
    assert.equal(status, 401);
    return endpoint.events.at(-1)?.reason;
  };
  assert.equal(await reasonOf(requestObject()), 'typ_not_allowed');
  const untyped = { header: { typ: undefined } };
  assert.equal(await reasonOf(requestObject(untyped)), 'subject_mismatch');
  const asAssertion = { ...untyped, claims: { sub: 'client', jti: 'one' } };
  assert.equal(await reasonOf(requestObject(asAssertion)), 'request_object_as_assertion');
});

for (const parameter of ['response_type', 'response_mode', 'redirect_uri', 'code_challenge']) {
  test(`a JWT with ${parameter} is refused as a client assertion (RFC 9101 §10.8)`, async (t) => {
    const endpoint = await tokenEndpoint([CLIENT]);
    t.after(() => endpoint.close());
    for (const value of ['x', '', null]) {
      const assertion = await signAssertion('client', { claims: { [parameter]: value } });
      const { status } = await endpoint.post(assertionForm(assertion));
      assert.equal(status, 401);
      const { reason, expected, actual } = endpoint.events.at(-1) ?? {};
      assert.equal(reason, 'request_object_as_assertion');
      assert.deepEqual([expected, actual], ['absent', [parameter]]);
    }
  });
}

const TYPES = ['absent', 'JWT', TYP];
const OTHER = 'https://other.example';

for (const [name, claims, options, [reason, expected, actual]] of [
  ['typ', {}, { typ: 'at+jwt' }, ['typ_not_allowed', TYPES, 'at+jwt']],
  ['typ', {}, { typ: 'JWT', requireTyp: true }, ['typ_not_allowed', TYP, 'JWT']],
  ['iss', { iss: 'x' }, {}, ['request_object_issuer_mismatch', 'client', 'x']],
  ['aud', { aud: OTHER }, {}, ['audience_mismatch', ISSUER, OTHER]],
  ['client_id', { client_id: 'x' }, {}, ['request_object_client_mismatch', 'client', 'x']],
  ['sub', { sub: 'client' }, {}, ['request_object_subject_present', 'absent', 'client']],
  [
    'request and request_uri',
    { request: 'a', request_uri: 'b' },
    {},
    ['request_object_nested', 'absent', ['request', 'request_uri']],
  ],
  [
    'state',
    { nbf: 0 },
    { profile: 'fapi2', state: 'x' },
    ['request_object_state_outside', 'state inside the request object', 'state outside'],
  ],
  [
    'required claims',
    { jti: undefined },
    { requireClaims: ['iat', 'jti', 'nbf'] },
    ['claim_missing', ['iat', 'jti', 'nbf'], ['jti is missing', 'nbf is missing']],
  ],
  ['nbf', {}, { requireNotBefore: true }, ['not_before_invalid', 'a number', undefined]],
] as const) {
  test(`of a broken rule for ${name}, the operator learns what was expected and what came: ${reason}`, async () => {
    const { typ = TYP, ...rest } = options as { typ?: string };
    const timed = 'nbf' in claims ? { ...claims, nbf: at(0) } : claims;
    const result = validate(requestObject({ header: { typ }, claims: timed }), rest);
    await assert.rejects(result, { reason, expected, actual });
  });
}

test('of a time that is out of bounds, the operator learns the bound (FAPI 2.0 Message Signing §5.3.1)', async (t) => {
  const { now, restore } = fakeClock();
  t.after(restore);
  const options = { requireNotBefore: true, maxLifetime: 4000 };
  const at = (nbf: number, exp: number) =>
    validate(
      requestObject({ claims: { iat: undefined, nbf: now() + nbf, exp: now() + exp } }),
      options,
    );
  await at(-3600, 0);
  await assert.rejects(at(-3601, -1), {
    reason: 'not_before_too_old',
    expected: `>= ${now() - 3600}`,
    actual: now() - 3601,
  });
  await assert.rejects(at(-1, 3600), {
    reason: 'lifetime_too_long',
    expected: '<= 4060',
    actual: 3601,
  });
});

test('fapi2 accepts a state beside the object that is inside it too', async () => {
  const request = requestObject({ claims: { nbf: at(0), state: 'x' } });
  const { parameters } = await validate(request, { profile: 'fapi2', state: 'x' });
  assert.equal(parameters['state'], 'x');
  const other = validate(request, { profile: 'fapi2', state: 'y' });
  await assertRefused(other, 'request_object_state_outside');
});

test('each rule for request objects has a name of its own and names its source', () => {
  const names = REQUEST_OBJECT_CHECKS.map(({ name }) => name);
  assert.deepEqual([...new Set(names)], names);
  for (const { name, source } of REQUEST_OBJECT_CHECKS) {
    assert.notEqual(name, '');
    assert.match(source, /(RFC \d{4}|Core|FAPI 2\.0 Message Signing) §\d/, name);
  }
});

test('no claim that describes the JWT is a parameter of the request (RFC 9101 §4)', async () => {
  const claims = { iat: at(0), nbf: at(0), jti: 'one', sub: 'user' };
  const { parameters } = await validate(requestObject({ claims }));
  assert.deepEqual(parameters, { client_id: 'client', response_type: 'code' });
});

test('what is no text is called by its type', async () => {
  await assert.rejects(validate(5 as unknown as string), {
    reason: 'assertion_malformed',
    expected: 'a string',
    actual: 'number',
  });
});

test('jwksUri is an instance that lives longer than a call', async () => {
  const wrong = { jwksUri: {} } as unknown as Partial<RequestObjectOptions>;
  await assert.rejects(validate(requestObject(), wrong), {
    name: 'TypeError',
    message: 'jwksUri must be a RemoteJwkSets, which keeps keys from call to call',
  });
  const client = clientWith('client', [{ type: 'JwksUri', value: 'https://client.example/jwks' }]);
  const asked: string[] = [];
  const jwksUri = new RemoteJwkSets({
    lookup: (name, _options, callback) => {
      asked.push(name);
      callback(new Error('down'), '');
    },
  });
  await assertRefused(validate(requestObject(), { client, jwksUri }), 'jwks_uri_failed');
  assert.deepEqual(asked, ['client.example']);
});

test('a client without secrets has no key', async () => {
  await assertRefused(
    validate(requestObject(), { client: { clientId: 'client' } as AssertionClient }),
    'no_matching_key',
  );
});

for (const [option, hint] of [
  ['strict', /use requireTyp, or profile: 'fapi2'/],
  ['audience', /it is the issuer/],
] as const) {
  test(`the option ${option} is refused with what to use in its place`, async () => {
    const wrong = { [option]: true } as unknown as Partial<RequestObjectOptions>;
    await assert.rejects(validate(requestObject(), wrong), (error: Error) => {
      assert.match(error.message, hint);
      assert.match(error.message, /validateRequestObject/);
      return true;
    });
  });
}
