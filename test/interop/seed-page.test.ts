import assert from 'node:assert/strict';
import { randomUUID, X509Certificate } from 'node:crypto';
import { after, test } from 'node:test';
import express from 'express';
import session from 'express-session';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import * as client from 'openid-client';
import { Passport } from 'passport';
import {
  AssertionService,
  type AuthorizationCodeReceivedContext,
  CLIENT_ASSERTION_TYPE,
  clientAssertion,
  OpenIdConnectStrategy,
} from '../../lib/client/index.js';
import { seconds } from '../support/assertion.js';
import { certificateOf } from '../support/certificate.js';
import { type KeyPair, newKeyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { startTokenServer } from '../support/token-server.js';
import { logIn, newVisitor } from '../support/visitor.js';

// The page "Private Key JWTs" of IdentityServer4's documentation, from its top to its end, with our
// client half in place of the .NET client and our server half in place of IdentityServer.

const web = await listen((request, response) => relyingParty(request, response));
const relyingParty = express();

// "Setting up a private key JWT secret"

const certificatePair = newKeyPair('RS256');
const jwkPair = newKeyPair('RS256');
const KID = 'ZzAjSnraU3bkWGnnAqLapYGpTyNfLbjbzgAPbbW2GEA';
const { e, n } = jwkPair.publicJwk;

const server = await startTokenServer([
  {
    client_id: 'client.jwt',
    secrets: [
      {
        // base64 encoded X.509 certificate
        type: 'X509CertificateBase64',
        value: new X509Certificate(await certificateOf(certificatePair)).raw.toString('base64'),
      },
      {
        // JWK formatted RSA key
        type: 'JsonWebKey',
        value: `{'e':'${e}','kid':'${KID}','kty':'RSA','n':'${n}'}`,
      },
    ],
    grant_types: ['client_credentials', 'authorization_code'],
    redirect_uris: ['https://myapp.com/callback'],
    scope: 'api1 api2',
  },
  {
    client_id: 'mvc.jar.jwt',
    secrets: [{ type: 'JsonWebKey', value: `{'e':'${e}','kid':'${KID}','kty':'RSA','n':'${n}'}` }],
    grant_types: ['authorization_code'],
    redirect_uris: [`${web.url}/signin-oidc`],
    require_signed_request_object: true,
    scope: 'openid profile',
  },
]);
after(async () => {
  await server.stop();
  await web.close();
});
const tokenEndpoint = `${server.url}/token`;

/** Each secret's comment on the page, its type, and what signs for it. */
const SIGNERS: readonly (readonly [string, string, KeyPair, string | undefined])[] = [
  ['base64 encoded X.509 certificate', 'X509CertificateBase64', certificatePair, undefined],
  ['JWK formatted RSA key', 'JsonWebKey', jwkPair, KID],
];

// "Authentication using a private key JWT": the request as it is printed, the line breaks left out

const form = (clientAssertion: string, clientAssertionType: string) => ({
  client_assertion: clientAssertion,
  client_assertion_type: clientAssertionType,
  grant_type: 'authorization_code',
  code: 'hdh922',
  redirect_uri: 'https://myapp.com/callback',
});

const answer = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as { error?: string; error_description?: string }),
});

const clientJwt = (pair: KeyPair, kid?: string) =>
  new AssertionService({
    clientId: 'client.jwt',
    key: { key: pair.privateKey, kid: kid ?? false },
    issuer: server.url,
  });

/** What the server learned of the last authentication of `count`. */
const authentication = async (count: number) =>
  (await server.events('authentication', count))[count - 1] ?? {};

for (const [comment, type, pair, kid] of SIGNERS) {
  test(`the request of the page authenticates a client by its ${comment}`, async () => {
    const before = (await server.events('authentication', 0)).length;
    const assertion = await clientJwt(pair, kid).createClientToken();
    const response = await server.post('/token', form(assertion, CLIENT_ASSERTION_TYPE));
    const { outcome, clientId, secret } = await authentication(before + 1);
    assert.deepEqual(
      { outcome, clientId, secret },
      { outcome: 'success', clientId: 'client.jwt', secret: type },
    );
    // It is the code that is refused: the page made it up.
    const { status, error } = await answer(response);
    assert.deepEqual({ status, error }, { status: 400, error: 'invalid_grant' });
  });
}

test('the client_assertion_type that the page prints is refused with the name of the right one', async () => {
  const assertion = await clientJwt(jwkPair, KID).createClientToken();
  const printed = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  const { status, error, error_description } = await answer(
    await server.post('/token', form(assertion, printed)),
  );
  assert.deepEqual({ status, error }, { status: 400, error: 'invalid_request' });
  assert.ok(error_description?.includes(CLIENT_ASSERTION_TYPE));
});

// ".NET client library": CreateClientToken

/** What JwtSecurityTokenHandler writes for the page's CreateClientToken. */
function createClientToken(iat: number | string = seconds()): Promise<string> {
  const now = seconds();
  return new SignJWT({
    jti: randomUUID(),
    sub: 'client.jwt',
    // ClaimValueTypes.Integer64: the text of ToEpochTime() becomes a number in the JSON.
    iat: iat as number,
    nbf: now,
    exp: now + 60,
    iss: 'client.jwt',
    aud: tokenEndpoint,
  })
    .setProtectedHeader({ alg: 'RS256', kid: KID, typ: 'JWT' })
    .sign(jwkPair.privateKey);
}

const requestToken = (assertion: string) =>
  server.post('/token', {
    client_assertion: assertion,
    client_assertion_type: CLIENT_ASSERTION_TYPE,
    grant_type: 'client_credentials',
    scope: 'api1',
  });

test('the token of CreateClientToken gets an access token', async () => {
  const response = await requestToken(await createClientToken());
  const { access_token, token_type } = (await response.json()) as Record<string, string>;
  assert.equal(response.status, 200);
  assert.equal(token_type?.toLowerCase(), 'bearer');
  assert.ok(access_token);
});

test('an iat of digits in a string is accepted: a Claim without a value type writes it so', async () => {
  const { status, error } = await answer(
    await requestToken(await createClientToken(String(seconds()))),
  );
  assert.deepEqual({ status, error }, { status: 200, error: undefined });
});

test('the AssertionService can make the same token as CreateClientToken', async () => {
  const assertions = new AssertionService({
    clientId: 'client.jwt',
    key: { key: jwkPair.privateKey, kid: KID },
    audience: tokenEndpoint,
    typ: 'JWT',
  });
  const [ours, theirs] = [await assertions.createClientToken(), await createClientToken()];
  assert.deepEqual(decodeProtectedHeader(ours), decodeProtectedHeader(theirs));
  const constant = (jwt: string) => {
    const { jti, iat = 0, nbf = 0, exp = 0, ...rest } = decodeJwt(jwt);
    return { ...rest, jti: typeof jti, nbf: nbf - iat, exp: exp - iat };
  };
  assert.deepEqual(constant(ours), constant(theirs));
  assert.equal((await requestToken(ours)).status, 200);
});

test('RequestTokenAsync of the page, with openid-client: discovery, assertion, access token', async () => {
  const config = await client.discovery(
    new URL(server.url),
    'client.jwt',
    undefined,
    clientAssertion(clientJwt(certificatePair)),
    { execute: [client.allowInsecureRequests] },
  );
  const response = await client.clientCredentialsGrant(config, { scope: 'api1' });
  assert.ok(response.access_token);
});

// "Using ASP.NET Core"

class OidcEvents {
  private readonly assertionService: AssertionService;

  constructor(assertionService: AssertionService) {
    this.assertionService = assertionService;
  }

  async authorizationCodeReceived(context: AuthorizationCodeReceivedContext): Promise<void> {
    context.tokenEndpointRequest.set('client_assertion_type', CLIENT_ASSERTION_TYPE);
    context.tokenEndpointRequest.set(
      'client_assertion',
      await this.assertionService.createClientToken(),
    );
  }
}

test('a user logs in at a web application without a static client secret', async () => {
  const assertionService = new AssertionService({
    clientId: 'mvc.jar.jwt',
    key: { key: jwkPair.privateKey, kid: KID },
    issuer: server.url,
  });
  const config = await client.discovery(
    new URL(server.url), // options.Authority
    'mvc.jar.jwt', // options.ClientId
    undefined,
    client.None(), // no static client secret
    { execute: [client.allowInsecureRequests] },
  );
  const passport = new Passport();
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user: Express.User, done) => done(null, user));
  passport.use(
    'oidc',
    new OpenIdConnectStrategy(
      {
        config,
        callbackURL: `${web.url}/signin-oidc`,
        scope: 'openid profile',
        // specifies what handles events
        events: new OidcEvents(assertionService),
        // "You can share the same key for client authentication and signed authorize requests."
        assertions: assertionService,
        signedAuthorizeRequests: true,
      },
      (tokens, verified) => verified(null, { ...tokens.claims() }),
    ),
  );
  relyingParty.use(
    session({ secret: randomUUID(), resave: false, saveUninitialized: false }),
    passport.session(),
  );
  relyingParty.get('/login', passport.authenticate('oidc'));
  relyingParty.get('/signin-oidc', passport.authenticate('oidc', { successRedirect: '/' }));
  relyingParty.get('/', (request, response) => {
    response.json(request.user ?? {});
  });

  const visitor = newVisitor();
  const home = await logIn(visitor, `${web.url}/login`);
  assert.equal(home.href, `${web.url}/`);
  const claims = JSON.parse((await visitor.open(home)).body);
  assert.equal(claims.iss, server.url);
  assert.equal(claims.aud, 'mvc.jar.jwt');
  assert.equal(claims.sub, 'alice');
});
