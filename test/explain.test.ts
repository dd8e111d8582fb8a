import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { type Explanation, explainAssertion } from 'passport-private-key-jwt/explain';
import { ISSUER, signAssertion } from './support/assertion.js';

const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

type Explain = typeof explainAssertion;

/** The entry as a bundle for browsers. */
async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: "export { explainAssertion } from 'passport-private-key-jwt/explain';",
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'entry',
    external: ['node:*'],
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

test('the bundle for browsers needs nothing of Node, and says what Node says', async () => {
  const text = await bundled();
  assert.doesNotMatch(text, /node:|require\(|^import/m);
  // What a browser has; neither `process` nor `Buffer` is among it.
  const globals = { TextDecoder, TextEncoder, Uint8Array, atob, btoa };
  const explain: Explain = runInNewContext(`${text}; entry.explainAssertion`, globals);
  const good = await signAssertion();
  const assertions = [
    good,
    await signAssertion('client', { claims: { aud: 'https://other.example' } }),
    await signAssertion('client', { claims: { name: 'Zoë 🦊' } }),
    await signAssertion('client', { claims: { exp: 1 }, header: { typ: 'at+jwt' } }),
    `${good}=`,
    good.slice(0, -1),
    'garbage',
    '',
  ];
  for (const client_assertion of assertions) {
    const now = Math.floor(Date.now() / 1000);
    const parameters = { client_assertion, client_assertion_type };
    const request = { issuer: ISSUER, parameters, now };
    const here = explainAssertion(request);
    const there: Explanation = JSON.parse(JSON.stringify(explain(request)));
    assert.deepEqual(there, JSON.parse(JSON.stringify(here)), client_assertion);
  }
});

test('the checks that need the client are skipped, and nothing is accepted without them', async () => {
  const parameters = { client_assertion: await signAssertion(), client_assertion_type };
  const { accepted, checks, claims } = explainAssertion({ issuer: ISSUER, parameters });
  assert.equal(accepted, false);
  assert.equal(claims?.['iss'], 'client');
  const skipped = checks.filter(({ outcome }) => outcome === 'skipped').map(({ check }) => check);
  assert.ok(skipped.includes('client') && skipped.includes('key') && skipped.includes('signature'));
  assert.ok(checks.every(({ outcome }) => outcome !== 'failed'));
});

test("the server's options are those of its strategy, and a wrong one is an error", async () => {
  const client_assertion = await signAssertion('client', {
    claims: { aud: 'https://old.example' },
  });
  const request = { issuer: ISSUER, parameters: { client_assertion, client_assertion_type } };
  const failed = (explanation: Explanation) =>
    explanation.checks.filter(({ outcome }) => outcome === 'failed').map(({ reason }) => reason);
  assert.deepEqual(failed(explainAssertion(request)), ['audience_mismatch']);
  const options = { additionalAudiences: ['https://old.example'] };
  assert.deepEqual(failed(explainAssertion(request, options)), []);
  assert.throws(() => explainAssertion(request, { maxLifetime: -1 }), TypeError);
});
