import { FAPI2_ALGORITHMS } from '../shared/jose.js';
import type { AssertionServiceOptions } from './assertion-service.js';

const TOKEN_ENDPOINT: Pick<AssertionServiceOptions, 'audience'> = {
  audience: (server) => server.token_endpoint,
};

const ECDSA = ['ES256', 'ES384', 'ES512'] as const;
const RSA = ['RS256', 'RS384', 'RS512'] as const;
const RSA_PSS = ['PS256', 'PS384', 'PS512'] as const;

/**
 * What servers and profiles require of a client assertion. Spread a preset into the options of an
 * `AssertionService`. `docs/providers.md` lists the source of each preset and the server's other
 * requirements.
 * @example
 * ```ts
 * new AssertionService({ ...presets.microsoftEntraId, clientId, key: { key, certificate } });
 * ```
 */
export const presets: Readonly<
  Record<
    | 'rfc10070'
    | 'microsoftEntraId'
    | 'okta'
    | 'auth0'
    | 'keycloak'
    | 'pingOne'
    | 'loginGov'
    | 'govUkOneLogin'
    | 'singpass'
    | 'idPorten'
    | 'smartOnFhir'
    | 'fapi2'
    | 'openBankingUk'
    | 'openFinanceBrasil'
    | 'atProto',
    Pick<
      AssertionServiceOptions,
      'audience' | 'typ' | 'lifetime' | 'notBefore' | 'algorithms' | 'keyHeader'
    >
  >
> = {
  /** RFC 10070, as Duende IdentityServer: the defaults of an `AssertionService`. */
  rfc10070: {},
  /** Microsoft Entra ID. It identifies keys by the SHA-256 thumbprint of their certificate. */
  microsoftEntraId: {
    ...TOKEN_ENDPOINT,
    typ: 'JWT',
    lifetime: 300,
    algorithms: ['PS256'],
    keyHeader: ['x5t#S256', 'x5c'],
  },
  /** Okta. */
  okta: { ...TOKEN_ENDPOINT, typ: 'JWT', algorithms: [...RSA, ...ECDSA] },
  /** Auth0. It chooses the `kid` of a credential itself, and does not need one in the header. */
  auth0: { typ: false, algorithms: ['RS256', 'RS384', 'PS256'], keyHeader: [] },
  /** Keycloak 26.2 and later. */
  keycloak: { typ: 'JWT' },
  /** PingOne. It refuses an `nbf` in the future. */
  pingOne: { typ: 'JWT', notBefore: false, algorithms: [...RSA, ...ECDSA] },
  /** login.gov. */
  loginGov: { ...TOKEN_ENDPOINT, typ: 'JWT', lifetime: 300, algorithms: ['RS256'] },
  /** GOV.UK One Login. */
  govUkOneLogin: { typ: 'JWT', algorithms: [...RSA, ...RSA_PSS] },
  /** Singpass. */
  singpass: { typ: 'JWT', algorithms: ECDSA },
  /** ID-porten. */
  idPorten: { typ: 'JWT', algorithms: RSA },
  /** SMART on FHIR: `client-confidential-asymmetric`, as Backend Services use it. */
  smartOnFhir: {
    ...TOKEN_ENDPOINT,
    typ: 'JWT',
    lifetime: 300,
    algorithms: ['RS384', 'ES384'],
    keyHeader: ['kid'],
  },
  /** FAPI 2.0 Security Profile. */
  fapi2: { algorithms: [...FAPI2_ALGORITHMS] },
  /** Open Banking UK: FAPI 1.0 Advanced. */
  openBankingUk: { ...TOKEN_ENDPOINT, typ: 'JWT', algorithms: ['PS256'] },
  /** Open Finance Brasil: FAPI 1.0 Advanced. */
  openFinanceBrasil: { ...TOKEN_ENDPOINT, typ: 'JWT', algorithms: ['PS256'] },
  /** ATProto. Its servers accept assertions for one minute and require `kid`. */
  atProto: { typ: 'JWT', lifetime: 60, algorithms: ['ES256'], keyHeader: ['kid'] },
};
