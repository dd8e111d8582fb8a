import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from 'oidc-provider';
import { clientCredentialsGrant } from 'openid-client';
import { AssertionService, clientAssertion, presets } from '../../lib/client/index.js';
import type { SigningKeyOptions } from '../../lib/client/keys/signing-key.js';
import type { Algorithm } from '../../lib/shared/jose.js';
import { certificateOf } from '../support/certificate.js';
import { keyPair } from '../support/keys.js';
import { openIdProvider } from '../support/openid-provider.js';
import { discover } from '../support/relying-party.js';

const CLIENT_ID = 'client';

/** What a provider of one kind insists on. */
interface Demands {
  readonly algorithms: readonly Algorithm[];
  readonly aud: 'issuer' | 'token endpoint';
  /** Undefined where the provider does not look. */
  readonly typ?: 'JWT' | 'client-authentication+jwt' | 'none';
  /** The most seconds from `iat`, or else from now, to `exp`. */
  readonly lifetime: number;
  /** Header parameters besides `alg` and `typ`, exactly. */
  readonly header: readonly string[];
  readonly without?: readonly string[];
  readonly key?: 'certificate';
}

const demands: Readonly<Record<keyof typeof presets, Demands>> = {
  rfc10070: {
    algorithms: ['RS256', 'ES256'],
    aud: 'issuer',
    typ: 'client-authentication+jwt',
    lifetime: 60,
    header: ['kid'],
  },
  microsoftEntraId: {
    algorithms: ['PS256'],
    aud: 'token endpoint',
    typ: 'JWT',
    lifetime: 600,
    header: ['x5t#S256'],
    key: 'certificate',
  },
  okta: {
    algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'],
    aud: 'token endpoint',
    typ: 'JWT',
    lifetime: 3600,
    header: ['kid'],
  },
  auth0: {
    algorithms: ['RS256', 'RS384', 'PS256'],
    aud: 'issuer',
    typ: 'none',
    lifetime: 300,
    header: [],
  },
  keycloak: {
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    aud: 'issuer',
    typ: 'JWT',
    lifetime: 60,
    header: ['kid'],
  },
  pingOne: {
    algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'],
    aud: 'issuer',
    typ: 'JWT',
    lifetime: 3600,
    header: ['kid'],
    without: ['nbf'],
  },
  loginGov: {
    algorithms: ['RS256'],
    aud: 'token endpoint',
    typ: 'JWT',
    lifetime: 300,
    header: ['kid'],
  },
  govUkOneLogin: {
    algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
    aud: 'issuer',
    typ: 'JWT',
    lifetime: 300,
    header: ['kid'],
  },
  singpass: {
    algorithms: ['ES256', 'ES384', 'ES512'],
    aud: 'issuer',
    typ: 'JWT',
    lifetime: 120,
    header: ['kid'],
  },
  idPorten: {
    algorithms: ['RS256', 'RS384', 'RS512'],
    aud: 'issuer',
    typ: 'JWT',
    lifetime: 120,
    header: ['kid'],
  },
  smartOnFhir: {
    algorithms: ['RS384', 'ES384'],
    aud: 'token endpoint',
    typ: 'JWT',
    lifetime: 300,
    header: ['kid'],
  },
  fapi2: {
    algorithms: ['PS256', 'ES256', 'EdDSA'],
    aud: 'issuer',
    lifetime: 60,
    header: ['kid'],
  },
  openBankingUk: {
    algorithms: ['PS256'],
    aud: 'token endpoint',
    typ: 'JWT',
    lifetime: 300,
    header: ['kid'],
  },
  openFinanceBrasil: {
    algorithms: ['PS256'],
    aud: 'token endpoint',
    typ: 'JWT',
    lifetime: 300,
    header: ['kid'],
  },
  atProto: {
    algorithms: ['ES256'],
    aud: 'issuer',
    typ: 'JWT',
    lifetime: 60,
    header: ['kid'],
  },
};

/** An oidc-provider that takes nothing but what the demands say. */
function strictProvider(alg: Algorithm, demand: Demands, publicJwk: unknown) {
  const check = (fulfilled: boolean, what: string): void => {
    if (!fulfilled) throw new errors.InvalidClientAuth(what);
  };
  return openIdProvider(
    {
      client_id: CLIENT_ID,
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [publicJwk as never] },
    },
    (issuer) => ({
      enabledJWA: { clientAuthSigningAlgValues: [...demand.algorithms] },
      assertJwtClientAuthClaimsAndHeader: async (_ctx, claims, header) => {
        const { alg: _alg, typ, ...named } = header;
        const { aud, exp, iat, jti } = claims;
        check(aud === (demand.aud === 'issuer' ? issuer : `${issuer}/token`), 'aud');
        check(demand.typ === undefined || (typ ?? 'none') === demand.typ, 'typ');
        check(Number(exp) - Number(iat ?? Date.now() / 1000) <= demand.lifetime, 'exp');
        check(typeof jti === 'string' && jti.length <= 64, 'jti');
        check(claims['sub'] === CLIENT_ID && claims['iss'] === CLIENT_ID, 'sub');
        check(Object.keys(named).join() === demand.header.join(), 'header');
        check(demand.without?.every((name) => claims[name] === undefined) ?? true, 'without');
      },
    }),
  );
}

const kindOf = (alg: Algorithm): string => (/^[RP]S/.test(alg) ? 'RSA' : alg);

/** The key as an application has it: only what the preset cannot choose is said. */
async function keyOptions(alg: Algorithm, demand: Demands): Promise<SigningKeyOptions> {
  const pair = keyPair(kindOf(alg) === 'RSA' ? 'RS256' : alg);
  const chosen = demand.algorithms.find((each) => kindOf(each) === kindOf(alg));
  return {
    key: pair.privateKey,
    ...(chosen !== alg && { alg }),
    ...(demand.key === 'certificate' && { certificate: await certificateOf(pair) }),
  };
}

for (const [name, demand] of Object.entries(demands) as [keyof typeof presets, Demands][]) {
  for (const alg of demand.algorithms) {
    test(`${name}: a provider that enforces its row accepts its assertions with ${alg}`, async (t) => {
      const key = await keyOptions(alg, demand);
      const service = new AssertionService({ ...presets[name], clientId: CLIENT_ID, key });
      const provider = await strictProvider(alg, demand, service.key.publicJwk);
      t.after(() => provider.close());
      const config = await discover(provider.issuer, CLIENT_ID, clientAssertion(service));
      const { access_token } = await clientCredentialsGrant(config);
      assert.ok(access_token);
    });
  }
}

const differing = Object.entries(demands).filter(([, { typ }]) => typ === 'JWT' || typ === 'none');

for (const [name, demand] of differing) {
  test(`${name}: its provider refuses assertions made without the preset`, async (t) => {
    const [alg = 'RS256'] = demand.algorithms;
    const key = { ...(await keyOptions(alg, demand)), alg };
    const service = new AssertionService({ clientId: CLIENT_ID, key });
    const provider = await strictProvider(alg, demand, service.key.publicJwk);
    t.after(() => provider.close());
    const config = await discover(provider.issuer, CLIENT_ID, clientAssertion(service));
    await assert.rejects(clientCredentialsGrant(config), { error: 'invalid_client' });
  });
}

test('a key that the server does not accept is refused when the service is made', () => {
  const options = { ...presets.smartOnFhir, clientId: CLIENT_ID };
  const { privateKey } = keyPair('ES256');
  assert.throws(() => new AssertionService({ ...options, key: privateKey }), {
    name: 'TypeError',
    message:
      'The signing key cannot be used: its alg is ES256, but the server accepts RS384 or ES384.',
  });
});

test('a missing certificate is an error when the service is made', () => {
  const options = { ...presets.microsoftEntraId, clientId: CLIENT_ID };
  const { privateKey } = keyPair('PS256');
  assert.throws(() => new AssertionService({ ...options, key: privateKey }), {
    name: 'TypeError',
    message:
      'The signing key cannot be used: the server identifies keys by x5t#S256 or x5c: give its certificate.',
  });
});
