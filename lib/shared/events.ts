import { hash } from 'node:crypto';
import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel';
import { isThenable } from './deadline.js';
import type { ClientAuthenticationError } from './errors.js';
import type { Reason } from './reasons.js';
import { safeText, thrownText } from './safe.js';

/** Safe to log: text from outside is shortened, and there is no key, secret or assertion. */
export interface AuthenticationEvent {
  outcome: 'success' | 'failure';
  /** Why it failed. */
  reason?: Reason | undefined;
  /** What would have been accepted. */
  expected?: unknown;
  /** What was received instead. */
  actual?: unknown;
  /** The error of the lookup, the replay store or the fetch. */
  cause?: unknown;
  /**
   * From the assertion or `client_id`. Authenticated only if the outcome is `success` and `method`
   * is not `none`.
   */
  clientId?: string | undefined;
  /**
   * On success, such as `private_key_jwt`; after `otherwise` and at MCP servers, such as
   * `client_secret_post`; `none` for a public client of an MCP server.
   */
  method?: string | undefined;
  /** The `alg` of the assertion. */
  alg?: string | undefined;
  /** The `typ` of the assertion. */
  typ?: string | undefined;
  /** `kid` or certificate thumbprint: of the key that verified, otherwise as in the assertion. */
  keyId?: string | undefined;
  /** The SHA-256 of `jti` in base64url, to find the same assertion in the client's log. */
  jtiHash?: string | undefined;
  /** What `aud` named. */
  audienceForm?: 'issuer' | 'token_endpoint' | 'endpoint' | 'additional' | undefined;
  /** The claims among `exp`, `nbf` and `iat` that came as JSON strings instead of numbers. */
  timesAsStrings?: readonly string[] | undefined;
  /**
   * On success: what `audience: 'issuer'` and `'issuer-string'`, `profile: 'fapi2'` and
   * `requireTyp` would have refused.
   */
  wouldFail?:
    | Readonly<Record<'issuer' | 'issuer-string' | 'fapi2' | 'requireTyp', readonly Reason[]>>
    | undefined;
  /** The `iss` of a platform's assertion. Authenticated only if the outcome is `success`. */
  platform?: string | undefined;
  /** The `sub` of a platform's assertion. */
  subject?: string | undefined;
  /** On success with a platform's assertion: whether a second use would be refused. */
  replayChecked?: boolean | undefined;
  /** On success: the type and description of the secret that verified. */
  secret?: string | undefined;
  /** On success: when that secret expires; undefined for never. */
  secretExpiresAt?: Date | undefined;
  /** Problems to fix before they cause failures. */
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
  /** The called issuer, to tell tenants apart. */
  issuer?: string | undefined;
  /** The URL of the called endpoint. */
  endpoint?: string | undefined;
  /** In milliseconds. */
  duration: number;
}

export type AuthenticationWarning = AuthenticationEvent['warnings'][number];

export type StricterModes = NonNullable<AuthenticationEvent['wouldFail']>;

/** Publishes every `AuthenticationEvent`. */
export const AUTHENTICATION_CHANNEL = 'passport-private-key-jwt:authentication';

const authentications: Channel = channel(AUTHENTICATION_CHANNEL);
/** Tracing tools can measure it by `start`, `end`, `asyncStart`, `asyncEnd` and `error`. */
const tracing = tracingChannel<object, AuthenticationEvent>(
  'passport-private-key-jwt:authenticate',
);

const warn = (what: string, error: unknown): void =>
  process.emitWarning(`${what} failed: ${thrownText(error)}`, 'PrivateKeyJwtWarning');

/** The logs of client and server can refer to the same assertion. */
export const hashOfJti = (jti: string): string => hash('sha256', jti, 'base64url');

/** If it throws, a process warning is emitted. */
export type Listener = (event: AuthenticationEvent) => unknown;

/** In seconds: how long before its expiration the event warns of a secret that was used. */
const WARNED_BEFORE = 2_592_000;

/** Nothing else writes to the event. Without a listener there is none, because it takes time. */
export class AuthenticationRecorder {
  private readonly event: AuthenticationEvent | undefined;
  private readonly started = performance.now();
  private readonly listener: Listener | undefined;

  constructor(
    { issuer, endpoint }: { readonly issuer?: string; readonly endpoint?: string | undefined },
    listener: Listener | undefined,
  ) {
    this.listener = listener;
    if (listener || authentications.hasSubscribers || tracing.hasSubscribers) {
      this.event = {
        outcome: 'failure',
        issuer,
        endpoint: safeText(endpoint),
        warnings: [],
        duration: 0,
      };
    }
  }

  /** If false, facts that take time to collect are left out. */
  get isHeard(): boolean {
    return this.event !== undefined;
  }

  note(facts: Partial<Omit<AuthenticationEvent, 'outcome' | 'duration' | 'warnings'>>): void {
    if (this.event !== undefined) Object.assign(this.event, facts);
  }

  warn(...warnings: readonly AuthenticationWarning[]): void {
    this.event?.warnings.push(...warnings);
  }

  /** Warns if the secret expires soon. Both times are in seconds since the epoch. */
  noteSecret(
    secret: string,
    keyId: string | undefined,
    expiresAt: number | undefined,
    now: number,
  ): void {
    this.note({ secret, ...(keyId !== undefined && { keyId: safeText(keyId) }) });
    if (expiresAt === undefined) return;
    const secretExpiresAt = new Date(expiresAt * 1000);
    this.note({ secretExpiresAt });
    if (expiresAt >= now + WARNED_BEFORE) return;
    const message = `The secret expires on ${secretExpiresAt.toISOString()}.`;
    this.warn({ code: 'secret_expiring', secret, message });
  }

  succeed(): void {
    if (this.event === undefined) return;
    this.event.outcome = 'success';
    this.report(this.event);
  }

  fail<E extends ClientAuthenticationError>(error: E): E {
    const { event } = this;
    if (event === undefined) return error;
    const { reason, expected, actual, cause } = error;
    event.reason = reason;
    if (expected !== undefined) event.expected = expected;
    if (actual !== undefined) event.actual = actual;
    if (cause !== undefined) event.cause = cause;
    this.report(event);
    return error;
  }

  trace<T>(run: () => Promise<T>): Promise<T> {
    return tracing.hasSubscribers ? this.traced(run) : run();
  }

  /** Subscribers may change the context, which does not reach the caller. */
  private async traced<T>(run: () => Promise<T>): Promise<T> {
    const context = { ...(this.event as AuthenticationEvent), warnings: [] };
    let result: Promise<T> | undefined;
    try {
      await tracing.tracePromise(async () => {
        result = run();
        await result.catch(() => undefined);
        Object.assign(context, this.event);
      }, context);
    } catch (error) {
      if (result === undefined) throw error;
      warn('Tracing', error);
    }
    return result as Promise<T>;
  }

  private report(event: AuthenticationEvent): void {
    event.duration = performance.now() - this.started;
    if (authentications.hasSubscribers) authentications.publish(event);
    const { listener } = this;
    if (listener === undefined) return;
    const listenerFailed = (error: unknown) => warn('onAuthentication', error);
    try {
      const pending = listener(event);
      if (isThenable(pending)) pending.then(undefined, listenerFailed);
    } catch (error) {
      listenerFailed(error);
    }
  }
}
