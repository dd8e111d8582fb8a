import { helpFor } from '../../shared/errors.js';
import { safe, safeText } from '../../shared/safe.js';

export interface SentAssertion {
  readonly kid: string | undefined;
  readonly alg: string | undefined;
  readonly typ: string | undefined;
  readonly aud: unknown;
}

export interface FailureDetails {
  readonly error?: string | undefined;
  readonly description?: string | undefined;
  readonly sent?: SentAssertion | undefined;
  readonly cause?: unknown;
}

class ClientFailure extends Error {
  readonly status: number;
  readonly statusCode: number;
  /** The message is for you, not for the caller. */
  readonly expose = false;
  /** The OAuth error code of the provider, such as `invalid_client`, if it sent one. */
  readonly error: string | undefined;
  /** The provider's error description, shortened and safe to log. */
  readonly error_description: string | undefined;

  constructor(status: number, message: string, { error, description, cause }: FailureDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.statusCode = status;
    this.error = error;
    this.error_description = description;
  }
}

/** The user must log in again: there are no tokens, or the provider no longer accepts them. */
export class LoginRequiredError extends ClientFailure {
  override readonly name = 'LoginRequiredError';
  readonly code = 'login_required';
  readonly help = helpFor(this.code);

  /** @param details what the provider answered, if it was called */
  constructor(message: string, details: FailureDetails = {}) {
    super(401, message, details);
  }
}

/** The provider refuses this client. Only you can fix that, so the status is 502. */
export class ClientRefusedError extends ClientFailure {
  override readonly name = 'ClientRefusedError';
  readonly code = 'client_refused';
  readonly help = helpFor(this.code);

  constructor(message: string, details: FailureDetails = {}) {
    super(502, message, details);
  }
}

/**
 * The provider is unreachable or overloaded (status 503), or its answer is not OAuth (status 502).
 */
export class ProviderError extends ClientFailure {
  override readonly name = 'ProviderError';
  readonly code = 'provider_failed';
  readonly help = helpFor(this.code);

  constructor(status: 502 | 503, message: string, details: FailureDetails = {}) {
    super(status, message, details);
  }
}

export const isClientFailure = (error: unknown): error is ClientFailure =>
  error instanceof ClientFailure;

export interface Seen {
  sent?: SentAssertion | undefined;
  grantType?: string | undefined;
  readonly secrets: Set<string>;
  status?: number | undefined;
  contentType?: string | undefined;
  error?: unknown;
  description?: unknown;
  nonsense?: string | undefined;
  networkError?: unknown;
}

/** A new login solves these (OpenID Connect Core §3.1.2.6). */
const LOGIN_ERRORS: readonly unknown[] = [
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
  'invalid_token',
  'expired_token',
];

const OUTAGES: readonly unknown[] = ['server_error', 'temporarily_unavailable', 'slow_down'];

/** Some servers answer a wrong assertion with `invalid_grant`; refresh tokens may be JWTs too. */
const OF_THE_SETUP = /assertion|client auth|redirect_uri/i;
const OF_THE_GRANT = /refresh.?token|authorization.?code|code.?verifier|\bpkce\b/i;
const OF_A_JWT = /audience|\baud\b|\bjwt\b|signature|\bkid\b|\bjti\b/i;

const isOfTheClient = (description: string): boolean =>
  OF_THE_SETUP.test(description) || (OF_A_JWT.test(description) && !OF_THE_GRANT.test(description));

const WITHOUT_USER: readonly unknown[] = [
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
];

/** Errors that openid-client throws before it sends anything. */
const NOT_SENT: readonly unknown[] = [
  'OAUTH_HTTP_REQUEST_FORBIDDEN',
  'OAUTH_REQUEST_PROTOCOL_FORBIDDEN',
];

interface Thrown {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly error?: unknown;
  readonly error_description?: unknown;
  readonly cause?: unknown;
}

function networkCode(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  if (error.name === 'TimeoutError') return 'timeout';
  const { code } = error as Thrown;
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return networkCode(inner, depth + 1) ?? (typeof code === 'string' ? code : undefined);
}

/** Copies an error without bodies, parameters and responses, because they may contain tokens. */
export function withoutSecrets(error: unknown, depth = 0): Error | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  // The JSON parser quotes its input.
  const message = error instanceof SyntaxError ? 'not JSON' : safeText(error.message);
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  const cause = withoutSecrets(inner, depth + 1);
  const copy = new Error(message, cause === undefined ? undefined : { cause });
  copy.name = error.name;
  const { code, status } = error as Thrown & { readonly status?: unknown };
  return Object.assign(
    copy,
    typeof code === 'string' && { code },
    typeof status === 'number' && { status },
  );
}

function struckOut(value: unknown, secrets: Iterable<string>): string | undefined {
  if (typeof value !== 'string') return undefined;
  let text = value;
  // Before the text is shortened, so that no part of a secret remains.
  for (const secret of secrets) text = text.replaceAll(secret, '[secret]');
  return safeText(text);
}

function parametersOf({ cause }: Thrown): Thrown {
  if (cause instanceof URLSearchParams) return Object.fromEntries(cause);
  if (!Array.isArray(cause)) return {};
  const all = (cause as { readonly parameters?: Thrown }[]).map(
    ({ parameters = {} }) => parameters,
  );
  return all.find(({ error }) => error !== undefined) ?? {};
}

function whatWasSent(sent: SentAssertion | undefined): string {
  if (sent === undefined) return '';
  const { kid, alg, typ, aud } = sent;
  const audiences = [aud].flat().map((each) => JSON.stringify(safe(each)));
  const kidText = kid === undefined ? 'no kid' : `kid ${JSON.stringify(safe(kid))}`;
  return ` The assertion had ${kidText}, alg ${safe(alg)}, typ ${safe(typ) ?? 'none'} and aud ${audiences.join(', ')}.`;
}

export function failureOf(thrown: unknown, seen: Seen): unknown {
  if (!(thrown instanceof Error) || isClientFailure(thrown)) return thrown;
  const cause = withoutSecrets(thrown);
  if (seen.nonsense !== undefined) {
    return new ProviderError(502, `The answer of the provider cannot be used: ${seen.nonsense}.`, {
      cause,
    });
  }
  const { code } = thrown as Thrown;
  if (seen.networkError !== undefined || code === 'OAUTH_TIMEOUT') {
    const why = code === 'OAUTH_TIMEOUT' ? 'timeout' : networkCode(thrown);
    const known = why === undefined ? '' : ` (${why})`;
    return new ProviderError(503, `The provider cannot be reached${known}.`, { cause });
  }
  const isOAuth = typeof code === 'string' && code.startsWith('OAUTH_');
  if (!isOAuth || NOT_SENT.includes(code)) {
    // openid-client wraps errors of the key or of the application's fetch.
    return thrown.message === 'something went wrong' && thrown.cause !== undefined
      ? thrown.cause
      : thrown;
  }
  const parameters = parametersOf(thrown as Thrown);
  const own = thrown as Thrown;
  const error = struckOut(seen.error ?? own.error ?? parameters.error, seen.secrets);
  const description = struckOut(
    seen.description ?? own.error_description ?? parameters.error_description,
    seen.secrets,
  );
  const details: FailureDetails = { error, description, sent: seen.sent, cause };
  const { status } = seen;
  const said = [error, description?.replace(/\.+$/, '')].filter(Boolean).join(': ');

  if (OUTAGES.includes(error) || status === 429 || (status !== undefined && status >= 500)) {
    const what = said === '' ? `status ${status}` : said;
    return new ProviderError(503, `The provider cannot answer at the moment: ${what}.`, details);
  }
  if (error === undefined && status !== 401) {
    const got = seen.contentType === undefined ? '' : `, ${safe(seen.contentType)}`;
    const where = status === undefined ? '' : ` (status ${status}${got})`;
    const why = [cause?.message, (cause?.cause as Error | undefined)?.message].filter(Boolean);
    return new ProviderError(
      502,
      `The answer of the provider cannot be used${where}: ${why.join(': ')}.`,
      details,
    );
  }
  const isOfTheUser =
    // OpenIddict answers invalid_token if an assertion has the wrong audience.
    (LOGIN_ERRORS.includes(error) && !(error === 'invalid_token' && seen.sent !== undefined)) ||
    (error === 'invalid_grant' &&
      !WITHOUT_USER.includes(seen.grantType) &&
      !isOfTheClient(description ?? ''));
  if (isOfTheUser) {
    return new LoginRequiredError(
      `The user must log in again: the provider says ${said}.${whatWasSent(seen.sent)}`,
      details,
    );
  }
  const what = said === '' ? `status ${status}` : said;
  return new ClientRefusedError(
    `The provider refused this client: ${what}.${whatWasSent(seen.sent)}`,
    details,
  );
}
