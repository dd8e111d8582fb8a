import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import express, { type Express } from 'express';
import { SignJWT } from 'jose';
import type { Page } from 'playwright-core';
import { signAssertion } from '../support/assertion.js';
import { chromiumTest } from '../support/chromium.js';
import { keyPair } from '../support/keys.js';
import { listen } from '../support/listen.js';
import { startTokenServer } from '../support/token-server.js';

const pair = keyPair('RS256');
const CLIENT_ID = 'mvc.jar.jwt';

/** Three sites, each an origin: the application, one that it goes on to, and the last one. */
async function sites(t: TestContext) {
  const application = express();
  const sites = await Promise.all([
    listen(application),
    listen((_request, response) => response.writeHead(302, { location: last.url }).end()),
    listen((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<h1>You have arrived</h1>');
    }),
  ]);
  t.after(() => Promise.all(sites.map((site) => site.close())));
  const [first, second, last] = sites;
  return { application, first, second };
}

async function startServer(t: TestContext, redirectUri: string) {
  const server = await startTokenServer([
    {
      client_id: CLIENT_ID,
      client_name: 'The application',
      jwks: { keys: [pair.publicJwk] },
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code'],
      scope: 'openid profile',
    },
  ]);
  t.after(() => server.stop());
  return server;
}

async function logIn(page: Page, decision = 'Allow'): Promise<void> {
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: decision }).click();
}

const authorizeUrl = (server: string, parameters: Record<string, string>): string =>
  `${server}/authorize?${new URLSearchParams({ client_id: CLIENT_ID, response_type: 'code', scope: 'openid profile', ...parameters })}`;

for (const mode of ['query', 'form_post']) {
  for (const decision of ['Allow', 'Deny']) {
    chromiumTest(
      `${mode}: after "${decision}" an application may send the user on to a third origin`,
      async ({ open }, t) => {
        const { application, first, second } = await sites(t);
        application.all('/callback', (_request, response) => response.redirect(303, second.url));
        const redirect_uri = `${first.url}/callback`;
        const server = await startServer(t, redirect_uri);
        const { page, problems } = await open(
          authorizeUrl(server.url, { redirect_uri, response_mode: mode }),
        );
        await logIn(page, decision);
        await page.getByRole('heading', { name: 'You have arrived' }).waitFor();
        assert.deepEqual(problems, []);
      },
    );
  }
}

/**
 * An application as ASP.NET Core's handler makes it, with events that sign: form_post, cookies for the
 * login that are SameSite=None there, a signed request with a long `state` beside it, and a signed
 * assertion at the token endpoint.
 */
function aspNetApplication(
  app: Express,
  { url, server }: { readonly url: string; readonly server: string },
) {
  const redirect_uri = `${url}/signin-oidc`;
  // Protected state: an encrypted return address and the verifier.
  const state = `CfDJ8${randomBytes(2200).toString('base64url')}`;
  const verifier = randomBytes(32).toString('base64url');
  const nonce = `${Date.now()}.${randomBytes(32).toString('base64')}`;
  app.get('/', async (_request, response) => {
    const request = await new SignJWT({
      client_id: CLIENT_ID,
      redirect_uri,
      response_type: 'code',
      response_mode: 'form_post',
      scope: 'openid profile',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      nonce,
    })
      .setProtectedHeader({
        alg: 'RS256',
        typ: 'JWT',
        kid: 'A1B2C3D4',
      })
      .setIssuer(CLIENT_ID)
      .setAudience(server)
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('5m')
      .sign(pair.privateKey);
    response.redirect(authorizeUrl(server, { request, state }));
  });
  app.post('/signin-oidc', express.urlencoded({ extended: false }), async (request, response) => {
    const { code, state: returned, iss } = request.body as Record<string, string>;
    assert.equal(returned, state);
    assert.equal(iss, server);
    const answer = await fetch(`${server}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: CLIENT_ID,
        grant_type: 'authorization_code',
        code: code ?? '',
        redirect_uri,
        code_verifier: verifier,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await signAssertion(CLIENT_ID, {
          pair,
          header: { typ: 'JWT' },
          claims: { aud: `${server}/token` },
        }),
      }),
    });
    const { id_token = '' } = (await answer.json()) as { id_token?: string };
    const claims = JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString());
    assert.equal(claims.nonce, nonce);
    response.redirect(303, `/hello?${new URLSearchParams({ sub: claims.sub })}`);
  });
  app.get('/hello', (request, response) => {
    response.send(`<h1>Hello, ${request.query['sub']}</h1>`);
  });
}

chromiumTest(
  "an application of ASP.NET Core's shape logs in: form_post, a signed request and its state outside",
  async ({ open }, t) => {
    const { application, first } = await sites(t);
    const server = await startServer(t, `${first.url}/signin-oidc`);
    aspNetApplication(application, { url: first.url, server: server.url });
    const { page, problems } = await open(first.url);
    await logIn(page);
    await page.getByRole('heading', { name: 'Hello, alice' }).waitFor();
    assert.doesNotMatch(problems.join(), /Content Security Policy/);
  },
);
