import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { SigningKey } from '../../lib/client/index.js';
import { freePort } from '../support/free-port.js';
import { encryptedPem, PASSPHRASE, pem } from '../support/key-forms.js';
import { keyPair } from '../support/keys.js';
import { type NpmScript, npmRun } from '../support/npm-script.js';
import { type OpenIdProvider, openIdProvider } from '../support/openid-provider.js';
import { newVisitor, type Visitor } from '../support/visitor.js';

const CLIENT_ID = 'mvc.jar.jwt';
const folder = await mkdtemp(join(tmpdir(), 'web-login-'));
const keyFile = join(folder, 'client.pem');
await writeFile(keyFile, pem(keyPair('ES256')));
after(() => rm(folder, { recursive: true }));

type Environment = Readonly<Record<string, string>>;
type ProviderArguments = Parameters<typeof openIdProvider>;

/** The sample with an oidc-provider that knows it. */
interface WebLogin {
  readonly url: string;
  readonly provider: OpenIdProvider;
  readonly sample: NpmScript;
}

async function webLogin(
  t: TestContext,
  {
    env = {},
    client = {},
    configuration,
  }: {
    readonly env?: Environment;
    readonly client?: Partial<ProviderArguments[0]>;
    readonly configuration?: ProviderArguments[1];
  } = {},
): Promise<WebLogin> {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const provider = await openIdProvider(
    {
      client_id: CLIENT_ID,
      redirect_uris: [`${url}/callback`],
      post_logout_redirect_uris: [`${url}/`],
      jwks: { keys: [SigningKey.from(keyPair('ES256').privateKey).publicJwk as never] },
      require_signed_request_object: true,
      ...client,
    },
    configuration,
  );
  t.after(() => provider.close());
  const sample = npmRun('demo:web-login', {
    PORT: String(port),
    ISSUER: provider.issuer,
    CLIENT_ID,
    CLIENT_KEY: keyFile,
    ...env,
  });
  t.after(() => sample.stop());
  await sample.line(/^listening on (\S+)$/);
  return { url, provider, sample };
}

const routes = ({ assertions }: OpenIdProvider) => assertions.map(({ route }) => route);

const press = async (visitor: Visitor, url: string, action: string) =>
  visitor.press(await visitor.open(url), action);

test('a user logs in with a signed request, and sees the claims of the ID token', async (t) => {
  const { url, provider } = await webLogin(t);
  const page = await newVisitor().open(`${url}/login`);
  assert.equal(page.url.href, `${url}/`);
  assert.match(page.body, /<th scope="row">sub<\/th><td>alice<\/td>/);
  assert.deepEqual(routes(provider), ['token']);
  const { header, claims } = provider.requestObjects[0] ?? {};
  assert.equal(header?.['kid'], provider.assertions[0]?.header['kid']);
  assert.equal(claims?.['scope'], 'openid profile email offline_access');
});

test('a user refreshes, and logs out: each call has an assertion of its own', async (t) => {
  const { url, provider } = await webLogin(t);
  const visitor = newVisitor();
  await visitor.open(`${url}/login`);
  const before = visitor.cookie('web-login');
  assert.match((await press(visitor, url, 'refresh')).body, /The tokens were refreshed\./);
  assert.notEqual(visitor.cookie('web-login'), before);

  const end = await press(visitor, url, 'logout');
  assert.equal(end.url.href.startsWith(`${provider.issuer}/session/end?`), true);
  assert.equal(end.url.searchParams.get('post_logout_redirect_uri'), `${url}/`);
  assert.deepEqual(routes(provider), ['token', 'token', 'revocation']);
  assert.equal(new Set(provider.assertions.map(({ claims }) => claims['jti'])).size, 3);
  assert.match((await visitor.open(url)).body, /You are not logged in/);
});

test('a login that the provider has ended is over at the next refresh', async (t) => {
  const { url } = await webLogin(t, {
    configuration: () => ({ ttl: { RefreshToken: 1, AccessToken: 1, Grant: 600, Session: 600 } }),
  });
  const visitor = newVisitor();
  await visitor.open(`${url}/login`);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  const page = await press(visitor, url, 'refresh');
  assert.match(page.body, /The provider has ended your login\. Log in again\./);
  assert.match(page.body, /You are not logged in/);
});

test('a user can log out even if the provider fails to revoke', async (t) => {
  const allowedPolicy = () => {
    throw new Error('The database is down.');
  };
  const { url, provider, sample } = await webLogin(t, {
    configuration: () => ({ features: { revocation: { enabled: true, allowedPolicy } } }),
  });
  const visitor = newVisitor();
  await visitor.open(`${url}/login`);
  const end = await press(visitor, url, 'logout');
  assert.equal(end.url.origin, provider.issuer);
  assert.match((await visitor.open(url)).body, /You are not logged in/);
  await sample.line(/"event":"revocation_failed"/);
});

test('a form that does not come from the page is refused (CSRF)', async (t) => {
  const { url, provider } = await webLogin(t);
  const visitor = newVisitor();
  const page = await visitor.open(`${url}/login`);
  for (const token of ['', 'forged', 'a'.repeat(43)]) {
    const answer = await visitor.submit(page, { form_token: token });
    assert.equal(answer.status, 403);
  }
  assert.deepEqual(routes(provider), ['token']);
  assert.match((await visitor.open(url)).body, /alice/);
});

test('a user who refuses sees a message, once', async (t) => {
  const { url, provider } = await webLogin(t);
  provider.decision = 'deny';
  const visitor = newVisitor();
  const page = await visitor.open(`${url}/login`);
  assert.match(page.body, /<p role="alert">The user said no<\/p>/);
  assert.doesNotMatch((await visitor.open(url)).body, /<p role="alert">/);
});

test('a callback without a pending login logs no one in', async (t) => {
  const { url } = await webLogin(t);
  const page = await newVisitor().open(`${url}/callback?code=stolen&state=unknown`);
  assert.match(page.body, /No login is waiting for this response/);
  assert.match(page.body, /You are not logged in/);
});

test('text from the provider is never markup', async (t) => {
  const { url } = await webLogin(t);
  const visitor = newVisitor(url);
  const start = await visitor.open(`${url}/login`);
  assert.notEqual(start.url.origin, url);
  const { state } = JSON.parse(
    Buffer.from(start.url.searchParams.get('request')?.split('.')[1] ?? '', 'base64url').toString(),
  );
  const evil = new URLSearchParams({
    state,
    error: 'access_denied',
    error_description: '<script>alert(1)</script>',
    iss: start.url.origin,
  });
  const page = await visitor.open(`${url}/callback?${evil}`);
  assert.match(page.body, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.doesNotMatch(page.body, /<script>/);
});

test('settings adapt the web login to another provider', async (t) => {
  const file = join(folder, 'encrypted.pem');
  await writeFile(file, encryptedPem(keyPair('PS256')));
  const { url, provider } = await webLogin(t, {
    env: {
      CLIENT_KEY: file,
      CLIENT_KEY_PASSPHRASE: PASSPHRASE,
      ALG: 'PS256',
      AUDIENCE: 'token_endpoint',
      KID: 'none',
      TYP: 'JWT',
      SIGN_REQUESTS: '0',
      USE_PAR: '1',
      SCOPE: 'openid',
      PROMPT: 'consent',
    },
    client: {
      jwks: { keys: [keyPair('PS256').publicJwk as never] },
      token_endpoint_auth_signing_alg: 'PS256',
      require_signed_request_object: false,
    },
  });
  const page = await newVisitor().open(`${url}/login`);
  assert.match(page.body, /<td>alice<\/td>/);
  assert.deepEqual(routes(provider), ['pushed_authorization_request', 'token']);
  const { header, claims } = provider.assertions[1] ?? {};
  assert.equal(header?.['alg'], 'PS256');
  assert.equal(header?.['typ'], 'JWT');
  assert.equal(claims?.['aud'], `${provider.issuer}/token`);
  assert.deepEqual(provider.requestObjects, []);
});

test('pages are served with the headers that a login needs', async (t) => {
  const { url, provider } = await webLogin(t);
  const { headers } = await newVisitor().open(`${url}/login`);
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.ok(policy.includes(`form-action 'self' ${provider.issuer}`));
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('x-powered-by'), null);
});

test('on SIGTERM the sample ends cleanly', async (t) => {
  const { url, sample } = await webLogin(t);
  assert.equal((await fetch(url)).status, 200);
  assert.equal((await fetch(`${url}/nothing`)).status, 404);
  assert.equal(await sample.stop('SIGTERM'), 0);
});

const SETTINGS = { ISSUER: 'http://127.0.0.1:9', CLIENT_ID, CLIENT_KEY: keyFile };

const WRONG: readonly (readonly [string, Environment, RegExp])[] = [
  ['no issuer', { ISSUER: '' }, /^ISSUER is not set/],
  ['an issuer that is no URL', { ISSUER: 'as' }, /^ISSUER is "as": it must be a URL/],
  ['a provider that is not there', {}, /^ISSUER http:\/\/127\.0\.0\.1:9\/: /],
  ['no client', { CLIENT_ID: '' }, /^CLIENT_ID is not set/],
  ['no key', { CLIENT_KEY: '' }, /^CLIENT_KEY is not set/],
  ['no file of the key', { CLIENT_KEY: '/no/file' }, /^CLIENT_KEY \/no\/file cannot be read/],
  ['an alg that is none', { ALG: 'XS256' }, /^The signing key cannot be used: alg XS256/],
  ['a port that is none', { PORT: 'http' }, /^PORT is "http"/],
  ['a flag that is none', { USE_PAR: 'yes' }, /^USE_PAR is "yes": it must be 1, 0 or not set/],
  ['a base URL that is none', { BASE_URL: 'localhost' }, /^BASE_URL is "localhost"/],
];

for (const [what, env, message] of WRONG) {
  test(`with ${what} the web login does not start, and says why`, async () => {
    const sample = npmRun('demo:web-login', { PORT: '0', ...SETTINGS, ...env });
    assert.equal(await sample.ended(), 1);
    assert.match(sample.stderr(), message);
    assert.equal(sample.stderr().trim().split('\n').length, 1);
  });
}
