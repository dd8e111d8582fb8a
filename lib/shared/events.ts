import { createHash } from 'node:crypto';
import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel';
import type { ClientAuthenticationError } from './errors.js';
import type { Reason } from './reasons.js';
import { safeText, thrownText } from './safe.js';

/**
 * What the operator learns of one authentication. Everything in it is safe to log: texts from
 * outside are shortened, and no key, secret or assertion is ever among them.
 */
export interface AuthenticationEvent {
  outcome: 'success' | 'failure';
  /** Why it failed. */
  reason?: Reason | undefined;
  /** What would have been accepted. */
  expected?: unknown;
  /** What came instead. */
  actual?: unknown;
  /** The error of the lookup, the replay store or the fetch that failed. */
  cause?: unknown;
  /**
   * The client as the assertion names it, or the `client_id` beside a platform's assertion; it is proved
   * only if the outcome is `success`.
   */
  clientId?: string | undefined;
  /**
   * On success, how the client proved itself: `private_key_jwt` or `client_secret_jwt`; and
   * `client_secret_post` or `client_secret_basic` if `authenticateClient` ran `otherwise`.
   */
  method?: string | undefined;
  /** As the assertion has it. */
  alg?: string | undefined;
  /** As the assertion has it. */
  typ?: string | undefined;
  /**
   * `kid`, or else the certificate thumbprint: on success that of the key that verified, if it has
   * one; otherwise as the assertion names it.
   */
  keyId?: string | undefined;
  /** The SHA-256 of `jti` in base64url, to find the same assertion in the client's log. */
  jtiHash?: string | undefined;
  /** Which of the server's names `aud` was. */
  audienceForm?: 'issuer' | 'token_endpoint' | 'endpoint' | 'additional' | undefined;
  /** The claims among `exp`, `nbf` and `iat` that came as JSON strings instead of numbers. */
  timesAsStrings?: readonly string[] | undefined;
  /**
   * On success: what each stricter way to run the server would have refused: `audience: 'issuer'` and
   * `'issuer-string'`, `profile: 'fapi2'`, and `requireTyp`. Empty lists if it would have accepted.
   */
  wouldFail?:
    | Readonly<Record<'issuer' | 'issuer-string' | 'fapi2' | 'requireTyp', readonly Reason[]>>
    | undefined;
  /**
   * The `iss` of an assertion that a platform signed for a workload; undefined if the client signed it.
   * Like `subject` it is proved only if the outcome is `success`.
   */
  platform?: string | undefined;
  /** The workload: the `sub` of an assertion that a platform signed. */
  subject?: string | undefined;
  /** On success with a platform's assertion: whether a second use of it would be refused. */
  replayChecked?: boolean | undefined;
  /** On success: the type and description of the secret that verified. */
  secret?: string | undefined;
  /** On success: when that secret expires; undefined for never. */
  secretExpiresAt?: Date | undefined;
  /** What to look after before it fails. */
  warnings: {
    readonly code:
      | 'secret_expiring'
      | 'secret_refused'
      | 'private_key_published'
      | 'kid_mismatch'
      | 'jwks_uri_failed';
    /** The secret's type and description. */
    readonly secret: string;
    readonly message: string;
  }[];
  /** The issuer that was called: tells tenants apart. */
  issuer?: string | undefined;
  /** The URL of the endpoint that was called. */
  endpoint?: string | undefined;
  /** In milliseconds. */
  duration: number;
}

export type AuthenticationWarning = AuthenticationEvent['warnings'][number];

/** What each stricter way to run the server would have refused. */
export type StricterModes = NonNullable<AuthenticationEvent['wouldFail']>;

/** Publishes every `AuthenticationEvent`. */
export const AUTHENTICATION_CHANNEL = 'passport-private-key-jwt:authentication';

const authentications: Channel = channel(AUTHENTICATION_CHANNEL);
/** Its `start`, `end`, `asyncStart`, `asyncEnd` and `error` let tracing tools see the time. */
const tracing = tracingChannel<object, AuthenticationEvent>(
  'passport-private-key-jwt:authenticate',
);

const warn = (what: string, error: unknown): void =>
  process.emitWarning(`${what} failed: ${thrownText(error)}`, 'PrivateKeyJwtWarning');

/** Tells the logs of client and server that they speak of the same assertion. */
export const hashOfJti = (jti: string): string =>
  createHash('sha256').update(jti).digest('base64url');

/** Receives the events of a server. What it throws becomes a process warning and nothing else. */
export type Listener = (event: AuthenticationEvent) => unknown;

/** Builds the event of one authentication and reports it. Nothing else writes to the event. */
export class AuthenticationRecorder {
  private readonly event: AuthenticationEvent;
  private readonly started = performance.now();
  private readonly listener: Listener | undefined;

  constructor(
    { issuer, endpoint }: { readonly issuer?: string; readonly endpoint?: string | undefined },
    listener: Listener | undefined,
  ) {
    this.event = {
      outcome: 'failure',
      issuer,
      endpoint: safeText(endpoint),
      warnings: [],
      duration: 0,
    };
    this.listener = listener;
  }

  /** Notes what is known by now. */
  note(facts: Partial<Omit<AuthenticationEvent, 'outcome' | 'duration' | 'warnings'>>): void {
    Object.assign(this.event, facts);
  }

  warn(...warnings: readonly AuthenticationWarning[]): void {
    this.event.warnings.push(...warnings);
  }

  /**
   * Notes the secret that verified, and warns if it expires soon.
   *
   * @param expiresAt in seconds since the epoch; undefined for never
   * @param warnBefore in seconds since the epoch
   */
  noteSecret(
    secret: string,
    keyId: string | undefined,
    expiresAt: number | undefined,
    warnBefore: number,
  ): void {
    const { event } = this;
    event.secret = secret;
    if (keyId !== undefined) event.keyId = safeText(keyId);
    if (expiresAt === undefined) return;
    const secretExpiresAt = new Date(expiresAt * 1000);
    event.secretExpiresAt = secretExpiresAt;
    if (expiresAt >= warnBefore) return;
    const message = `The secret expires on ${secretExpiresAt.toISOString()}.`;
    this.warn({ code: 'secret_expiring', secret, message });
  }

  /** Ends the authentication and reports it. */
  succeed(): void {
    this.event.outcome = 'success';
    this.report();
  }

  /** Ends the authentication and reports why it failed. */
  fail<E extends ClientAuthenticationError>(error: E): E {
    const { reason, expected, actual, cause } = error;
    this.event.reason = reason;
    if (expected !== undefined) this.event.expected = expected;
    if (actual !== undefined) this.event.actual = actual;
    if (cause !== undefined) this.event.cause = cause;
    this.report();
    return error;
  }

  /** Runs the authentication; tracing tools see when it starts and ends if they want to. */
  trace<T>(run: () => Promise<T>): Promise<T> {
    return tracing.hasSubscribers ? this.traced(run) : run();
  }

  /**
   * The channel shows the value of the promise to every subscriber, so the traced promise has none;
   * and what subscribers do to the context does not reach the authentication.
   */
  private async traced<T>(run: () => Promise<T>): Promise<T> {
    const context = { ...this.event, warnings: [] };
    const results: T[] = [];
    try {
      await tracing.tracePromise(async () => {
        results.push(await run());
        Object.assign(context, this.event);
      }, context);
    } catch (error) {
      if (results.length === 0) throw error;
      warn('Tracing', error);
    }
    return results[0] as T;
  }

  private report(): void {
    const { event, listener } = this;
    event.duration = performance.now() - this.started;
    if (authentications.hasSubscribers) authentications.publish(event);
    if (listener === undefined) return;
    const listenerFailed = (error: unknown) => warn('onAuthentication', error);
    try {
      const pending = listener(event);
      if (pending instanceof Promise) pending.catch(listenerFailed);
    } catch (error) {
      listenerFailed(error);
    }
  }
}
