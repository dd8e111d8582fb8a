import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import type { JwtContext } from '../../lib/client/assertion-source.js';
import { AssertionService, type AssertionServiceOptions, presets } from '../../lib/client/index.js';
import { ISSUER, seconds, TOKEN_ENDPOINT } from '../support/assertion.js';
import { certificateOf } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';

const pair = keyPair('ES256');
const server = { issuer: ISSUER, token_endpoint: TOKEN_ENDPOINT };
const OTHER = 'https://other.example';

const service = (options: Partial<AssertionServiceOptions> = {}) =>
  new AssertionService({ clientId: 'client', key: pair.privateKey, issuer: ISSUER, ...options });

async function decoded(jwt: Promise<string>) {
  const { payload, protectedHeader } = await jwtVerify(await jwt, pair.publicKey, {
    clockTolerance: 1e9,
  });
  return { claims: payload, header: protectedHeader };
}

test('an assertion is what RFC 10070 asks for by default (RFC 7523 §3)', async () => {
  const before = seconds();
  const { claims, header } = await decoded(service().createClientToken());
  const { iat, jti, ...rest } = claims;
  assert.ok(iat !== undefined && iat >= before && iat <= seconds());
  assert.match(jti ?? '', /^[\da-f-]{36}$/);
  assert.deepEqual(rest, {
    iss: 'client',
    sub: 'client',
    aud: ISSUER,
    nbf: iat,
    exp: iat + 60,
  });
  assert.deepEqual(header, {
    typ: 'client-authentication+jwt',
    alg: 'ES256',
    kid: service().key.kid,
  });
});

for (const [what, context, issuer] of [
  ['of the service', {}, ISSUER],
  ['of the call', { server: { issuer: OTHER } }, OTHER],
] as const) {
  test(`the event of an assertion names the server ${what}`, async (t) => {
    const events: unknown[] = [];
    const listener = (event: unknown) => events.push(event);
    subscribe('passport-private-key-jwt:client', listener);
    t.after(() => unsubscribe('passport-private-key-jwt:client', listener));
    const assertions = service({ issuer: what === 'of the service' ? ISSUER : undefined });
    const { jti = '' } = decodeJwt(await assertions.createClientToken(context));
    assert.deepEqual(events, [
      {
        type: 'assertion_made',
        clientId: 'client',
        issuer,
        keyId: assertions.key.kid,
        audience: issuer,
        jtiHash: createHash('sha256').update(jti).digest('base64url'),
      },
    ]);
  });
}

test('every assertion has its own jti', async () => {
  const assertions = service();
  const jtis = Array.from(
    { length: 50 },
    async () => decodeJwt(await assertions.createClientToken()).jti,
  );
  assert.equal(new Set(await Promise.all(jtis)).size, 50);
});

/** Options, and what they make of the audience. */
const AUDIENCES: readonly (readonly [
  string,
  Partial<AssertionServiceOptions>,
  JwtContext,
  unknown,
])[] = [
  ['the issuer of the options', {}, {}, ISSUER],
  ['the issuer of the metadata', { issuer: undefined }, { server }, ISSUER],
  ['the issuer where both agree', {}, { server }, ISSUER],
  ['the audience of the options', { audience: OTHER }, { server }, OTHER],
  ['several audiences', { audience: [ISSUER, OTHER] }, {}, [ISSUER, OTHER]],
  [
    'the token endpoint of the metadata',
    { audience: ({ token_endpoint }) => token_endpoint },
    { server },
    TOKEN_ENDPOINT,
  ],
  ['the audience of the call', { audience: OTHER }, { audience: TOKEN_ENDPOINT }, TOKEN_ENDPOINT],
  [
    'the audience of the call without a server',
    { issuer: undefined },
    { audience: TOKEN_ENDPOINT },
    TOKEN_ENDPOINT,
  ],
];

for (const [what, options, context, aud] of AUDIENCES) {
  test(`aud is ${what}`, async () => {
    const { claims } = await decoded(service(options).createClientToken(context));
    assert.deepEqual(claims.aud, aud);
  });
}

test('an unknown audience is an error', async () => {
  const assertions = service({ issuer: undefined });
  await assert.rejects(assertions.createClientToken(), {
    name: 'TypeError',
    message: /audience is not known: give the AssertionService the issuer/,
  });
  await assert.rejects(assertions.signAuthorizationRequest({}), /audience is not known/);
  const byMetadata = service({ audience: ({ token_endpoint }) => token_endpoint });
  await assert.rejects(byMetadata.createClientToken(), /function audience returned no audience/);
});

for (const server of [
  {},
  null,
  'https://as.example',
  new URL(ISSUER),
  { issuer: '' },
  { issuer: 5 },
]) {
  test(`no assertion is made for the server ${JSON.stringify(server)}, which has no issuer (RFC 7523 §3)`, async () => {
    for (const audience of [undefined, ISSUER]) {
      const assertions = service({ issuer: undefined, audience });
      const context = { server: server as never };
      const wrong = {
        name: 'TypeError',
        message: 'server must be the metadata of the server, with its issuer',
      };
      await assert.rejects(assertions.createClientToken(context), wrong);
      await assert.rejects(assertions.signAuthorizationRequest({}, context), wrong);
    }
  });
}

for (const parameters of ['scope=openid', null, [['scope', 'openid']], new Map([['scope', 'x']])]) {
  test(`${inspect(parameters)} are no parameters, and are not signed (RFC 9101 §4)`, async () => {
    await assert.rejects(service().signAuthorizationRequest(parameters as never), {
      name: 'TypeError',
      message: 'The parameters must be URLSearchParams or an object',
    });
  });
}

test('a service for one server makes no assertion for another', async () => {
  await assert.rejects(service().createClientToken({ server: { issuer: OTHER } }), {
    name: 'TypeError',
    message: `The AssertionService is for ${ISSUER}, not ${OTHER}: make one service per server, and write issuer as the server's metadata does, or leave it out`,
  });
});

for (const [what, audience] of [
  ['a text', ISSUER],
  ['a list', [ISSUER]],
] as const) {
  test(`an audience that is ${what} binds the service to the first server`, async () => {
    const assertions = service({ issuer: undefined, audience });
    for (let times = 0; times < 2; times += 1) {
      const { claims } = await decoded(assertions.createClientToken({ server }));
      assert.deepEqual(claims.aud, audience);
    }
    await assert.rejects(assertions.createClientToken({ server: { issuer: OTHER } }), {
      name: 'TypeError',
      message: /^The AssertionService is for https:\/\/as\.example, not https:\/\/other\.example/,
    });
    await decoded(assertions.createClientToken());
  });
}

test('an audience derived from the metadata works for any server', async () => {
  const assertions = service({ issuer: undefined });
  for (const issuer of [ISSUER, OTHER]) {
    const { claims } = await decoded(assertions.createClientToken({ server: { issuer } }));
    assert.equal(claims.aud, issuer);
  }
});

test('a fixed audience of request objects binds the service to one server too', async () => {
  const assertions = service({ issuer: undefined, requestObject: { audience: ISSUER } });
  await decoded(assertions.signAuthorizationRequest({}, { server }));
  await assert.rejects(
    assertions.signAuthorizationRequest({}, { server: { issuer: OTHER } }),
    /is for https:\/\/as\.example, not/,
  );
});

test('an audience function that returns nothing is an error that names the remedy', async () => {
  const tokenEndpoint = service({ audience: ({ token_endpoint }) => token_endpoint });
  await assert.rejects(tokenEndpoint.createClientToken(), {
    name: 'TypeError',
    message:
      'The function audience returned no audience for the server: call createClientToken({ server: config.serverMetadata() }), or set audience',
  });
  const audience = (async () => ISSUER) as unknown as () => string;
  await assert.rejects(service({ audience }).createClientToken(), {
    name: 'TypeError',
    message: 'The function audience returned a Promise: it must not be asynchronous',
  });
});

test('the issuer of a service can be read', () => {
  assert.equal(service().issuer, ISSUER);
  assert.equal(service({ issuer: undefined }).issuer, undefined);
});

test('typ can be changed or left out', async () => {
  const { header } = await decoded(service({ typ: 'JWT' }).createClientToken());
  assert.equal(header.typ, 'JWT');
  const none = decodeProtectedHeader(await service({ typ: false }).createClientToken());
  assert.equal(Object.hasOwn(none, 'typ'), false);
});

test('lifetime, nbf and the clock can be set', async () => {
  const before = seconds();
  const { claims } = await decoded(
    service({ lifetime: 300, notBefore: 30 }).createClientToken({
      clockOffset: 100,
    }),
  );
  const { iat = 0, nbf, exp } = claims;
  assert.ok(iat >= before + 100 && iat <= seconds() + 100);
  assert.equal(nbf, iat - 30);
  assert.equal(exp, iat + 300);
});

test('nbf can be left out', async () => {
  const { claims } = await decoded(service({ notBefore: false }).createClientToken());
  assert.equal(Object.hasOwn(claims, 'nbf'), false);
});

test('the header and the claims can have more members', async () => {
  const assertions = service({ header: { cty: 'x' }, claims: { tenant: 't' } });
  const { claims, header } = await decoded(assertions.createClientToken());
  assert.equal(header.cty, 'x');
  assert.equal(claims['tenant'], 't');
});

test('a signed authorize request has the parameters as claims (RFC 9101 §4)', async () => {
  const parameters = new URLSearchParams({
    response_type: 'code',
    scope: 'openid',
    client_id: 'client',
    max_age: '60',
    claims: '{"id_token":{"acr":null}}',
    authorization_details: '[{"type":"payment"}]',
  });
  parameters.append('resource', 'https://a.example');
  parameters.append('resource', 'https://b.example');
  const { claims, header } = await decoded(service().signAuthorizationRequest(parameters));
  const { iat = 0, jti, ...rest } = claims;
  assert.match(jti ?? '', /^[\da-f-]{36}$/);
  assert.deepEqual(rest, {
    iss: 'client',
    client_id: 'client',
    aud: ISSUER,
    nbf: iat,
    exp: iat + 60,
    response_type: 'code',
    scope: 'openid',
    max_age: 60,
    claims: { id_token: { acr: null } },
    authorization_details: [{ type: 'payment' }],
    resource: ['https://a.example', 'https://b.example'],
  });
  assert.equal(header.typ, 'oauth-authz-req+jwt');
});

test('parameters of a signed authorize request may be an object, whose values are kept', async () => {
  const { claims } = await decoded(
    service().signAuthorizationRequest({ scope: 'openid', max_age: 60, claims: { userinfo: {} } }),
  );
  assert.equal(claims['max_age'], 60);
  assert.deepEqual(claims['claims'], { userinfo: {} });
});

test('a signed authorize request follows its own options, not those of assertions', async () => {
  const assertions = service({
    audience: TOKEN_ENDPOINT,
    lifetime: 10,
    claims: { tenant: 't' },
    requestObject: { lifetime: 600, typ: 'JWT', notBefore: false },
  });
  const { claims, header } = await decoded(assertions.signAuthorizationRequest({}));
  assert.equal(claims.aud, ISSUER);
  assert.equal(claims.exp, (claims.iat ?? 0) + 600);
  assert.equal(Object.hasOwn(claims, 'nbf'), false);
  assert.equal(Object.hasOwn(claims, 'tenant'), false);
  assert.equal(header.typ, 'JWT');
});

test('a parameter cannot replace a claim that describes the request object', async () => {
  const parameters = { iss: 'other', client_id: 'other', aud: OTHER, exp: 1, jti: 'one' };
  const { claims } = await decoded(service().signAuthorizationRequest(parameters));
  assert.equal(claims.iss, 'client');
  assert.equal(claims['client_id'], 'client');
  assert.equal(claims.aud, ISSUER);
  assert.notEqual(claims.exp, 1);
  assert.notEqual(claims.jti, 'one');
});

const UNSIGNABLE: readonly (readonly [Record<string, string>, RegExp])[] = [
  [{ request: 'a.b.c' }, /^request cannot be inside a request object/],
  [{ request_uri: 'urn:x' }, /^request_uri cannot be inside/],
  [{ claims: '{' }, /parameter claims must be JSON/],
  [{ authorization_details: 'x' }, /parameter authorization_details must be JSON/],
  [{ max_age: '1.5' }, /parameter max_age must be a whole number/],
  [{ max_age: '' }, /parameter max_age must be a whole number/],
];

for (const [parameters, message] of UNSIGNABLE) {
  test(`a request object with ${JSON.stringify(parameters)} is not signed`, async () => {
    await assert.rejects(service().signAuthorizationRequest(new URLSearchParams(parameters)), {
      name: 'TypeError',
      message,
    });
  });
}

const WRONG: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['claims of null', { claims: null }, /claims must be an object/],
  ['claims as text', { claims: '{"a":1}' }, /claims must be an object/],
  ['claims as a list', { claims: [['a', 1]] }, /claims must be an object/],
  ['claims in a Map', { claims: new Map([['a', 1]]) }, /claims must be an object/],
  ['a header as text', { header: 'x5t' }, /header must be an object/],
  ['clientId', { clientId: '' }, /clientId must be a non-empty string/],
  ['issuer', { issuer: 'as' }, /issuer must be a URL/],
  ['issuer of another scheme', { issuer: 'xhttps://as.example' }, /issuer must be a URL/],
  ['issuer without a scheme', { issuer: 'localhost:3000' }, /issuer must be a URL/],
  ['key', { key: undefined }, /signing key cannot be used: no key was given/],
  ['lifetime', { lifetime: 0 }, /lifetime must be a number of seconds, at least 1/],
  ['lifetime in milliseconds', { lifetime: 60_000 }, /lifetime.*at least 1 and at most 3600/],
  ['notBefore', { notBefore: -1 }, /notBefore must be a number of seconds, at least 0/],
  ['notBefore in milliseconds', { notBefore: 60_000 }, /notBefore.*at most 3600/],
  ['typ', { typ: '' }, /typ must be a media type/],
  ['audience', { audience: [] }, /audience must be a non-empty string/],
  ['audience of the wrong type', { audience: [1] }, /audience must be a non-empty string/],
  ['audience with an empty member', { audience: [ISSUER, ''] }, /audience must be a non-empty/],
  ['header', { header: { alg: 'none' } }, /header must not have alg: it follows from the key/],
  ['header kid', { header: { kid: 'x' } }, /header must not have kid: set it with the key/],
  ['header typ', { header: { typ: 'JWT' } }, /header must not have typ: use the option typ/],
  [
    'header crit',
    { header: { crit: [] } },
    /must not have crit: critical members are not supported/,
  ],
  [
    'header b64',
    { header: { b64: false } },
    /must not have b64: critical members are not supported/,
  ],
  ['header jwk', { header: { jwk: {} } }, /header must not have jwk: the server knows the key/],
  ['claims', { claims: { exp: 1 } }, /claims must not have exp: use the option lifetime/],
  ['claims iss', { claims: { iss: 'x' } }, /claims must not have iss: it is the clientId/],
  ['claims sub', { claims: { sub: 'x' } }, /claims must not have sub: it is the clientId/],
  ['claims client_id', { claims: { client_id: 'x' } }, /not have client_id: it is the clientId/],
  ['claims aud', { claims: { aud: OTHER } }, /claims must not have aud: use the option audience/],
  ['claims iat', { claims: { iat: 1 } }, /claims must not have iat: it is the time of the call/],
  ['claims nbf', { claims: { nbf: 1 } }, /claims must not have nbf: use the option notBefore/],
  ['claims jti', { claims: { jti: '1' } }, /claims must not have jti: it is new for every JWT/],
  ['requestObject', { requestObject: { lifetime: -1 } }, /lifetime must be a number/],
  [
    'requestObject that is a preset',
    { requestObject: presets.okta },
    /requestObject has no option algorithms: it uses the same key and ignores presets/,
  ],
  [
    'requestObject with a keyHeader',
    { requestObject: { keyHeader: [] } },
    /requestObject has no option keyHeader: it uses the same key/,
  ],
  ['algorithms', { algorithms: 'PS256' }, /algorithms must be a list of RS256, /],
  ['algorithms with a typo', { algorithms: ['PS-256'] }, /algorithms must be a list of RS256, /],
  ['algorithms, an empty list,', { algorithms: [] }, /algorithms is empty/],
  ['keyHeader', { keyHeader: 'kid' }, /keyHeader must be a list of kid, x5t, x5t#S256, x5c/],
  ['keyHeader with a typo', { keyHeader: ['keyId'] }, /keyHeader must be a list of kid/],
];

test('times accept the documented maximum', async () => {
  const longest = { lifetime: 3600, notBefore: 3600 };
  const { claims } = await decoded(service(longest).createClientToken());
  const { iat = 0, nbf, exp } = claims;
  assert.deepEqual([nbf, exp], [iat - 3600, iat + 3600]);
});

for (const [clockOffset, message] of [
  [Number.NaN, /clockOffset must be a number of seconds/],
  [100_000, /clockOffset.*at most 86400/],
  [-100_000, /clockOffset.*at least -86400/],
] as const) {
  test(`a clockOffset of ${clockOffset} for one assertion is refused`, async () => {
    await assert.rejects(service({}).createClientToken({ clockOffset }), {
      name: 'TypeError',
      message,
    });
  });
}

test('a service without options throws and names what is missing first', () => {
  assert.throws(() => new AssertionService(undefined as unknown as AssertionServiceOptions), {
    name: 'TypeError',
    message: 'clientId must be a non-empty string',
  });
});

for (const [what, options, message] of WRONG) {
  test(`a wrong ${what} is refused when the service is made`, () => {
    assert.throws(() => service(options), { name: 'TypeError', message });
  });
}

const RS = ['RS256', 'RS384', 'RS512'];
const ES = ['ES256', 'ES384', 'ES512'];
const PS = ['PS256', 'PS384', 'PS512'];
const [AS_JWT, DEFAULT_TYP] = ['JWT', 'client-authentication+jwt'];
const ALL_NAMES = ['kid', 'x5t', 'x5t#S256', 'x5c'];

/** The audience, typ, lifetime, algorithms and key parameters, as docs/providers.md has them. */
const PRESETS: Readonly<
  Record<
    keyof typeof presets,
    readonly [string, string | undefined, number, readonly string[] | undefined, readonly string[]]
  >
> = {
  rfc10070: [ISSUER, DEFAULT_TYP, 60, undefined, ALL_NAMES],
  microsoftEntraId: [TOKEN_ENDPOINT, AS_JWT, 300, ['PS256'], ['x5t#S256', 'x5c']],
  okta: [TOKEN_ENDPOINT, AS_JWT, 60, [...RS, ...ES], ALL_NAMES],
  auth0: [ISSUER, undefined, 60, ['RS256', 'RS384', 'PS256'], []],
  keycloak: [ISSUER, AS_JWT, 60, undefined, ALL_NAMES],
  pingOne: [ISSUER, AS_JWT, 60, [...RS, ...ES], ALL_NAMES],
  loginGov: [TOKEN_ENDPOINT, AS_JWT, 300, ['RS256'], ALL_NAMES],
  govUkOneLogin: [ISSUER, AS_JWT, 60, [...RS, ...PS], ALL_NAMES],
  singpass: [ISSUER, AS_JWT, 60, ES, ALL_NAMES],
  idPorten: [ISSUER, AS_JWT, 60, RS, ALL_NAMES],
  smartOnFhir: [TOKEN_ENDPOINT, AS_JWT, 300, ['RS384', 'ES384'], ['kid']],
  fapi2: [ISSUER, DEFAULT_TYP, 60, ['PS256', 'ES256', 'EdDSA', 'Ed25519'], ALL_NAMES],
  openBankingUk: [TOKEN_ENDPOINT, AS_JWT, 60, ['PS256'], ALL_NAMES],
  openFinanceBrasil: [TOKEN_ENDPOINT, AS_JWT, 60, ['PS256'], ALL_NAMES],
  atProto: [ISSUER, AS_JWT, 60, ['ES256'], ['kid']],
};

for (const [name, [aud, typ, lifetime, algorithms, names]] of Object.entries(PRESETS)) {
  test(`the preset ${name} makes assertions as its server documents them`, async () => {
    const preset = presets[name as keyof typeof presets];
    assert.deepEqual(preset.algorithms, algorithms);
    const preferred = algorithms?.[0] ?? 'ES256';
    const signer = keyPair(/^[RP]S/.test(preferred) ? 'RS256' : preferred);
    const certificate = await certificateOf(signer);
    const key = { key: signer.privateKey, certificate, x5c: true };
    const assertions = new AssertionService({ clientId: 'client', key, ...preset });
    const assertion = await assertions.createClientToken({ server });
    const { alg, ...header } = decodeProtectedHeader(assertion);
    assert.equal(alg, preferred);
    assert.equal(header.typ, typ);
    assert.deepEqual(Object.keys(header).sort(), [...(typ ? ['typ'] : []), ...names].sort());
    const { iat = 0, ...claims } = decodeJwt(assertion);
    assert.deepEqual([claims.aud, claims.exp], [aud, iat + lifetime]);
    assert.equal(claims.nbf, name === 'pingOne' ? undefined : iat);
  });
}
