import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel';
import type { AudienceForm } from '../assertion/checks/audience.js';
import type { ServerIdentity } from '../assertion/subject.js';
import type { ClientAuthenticationError } from './errors.js';
import type { Reason } from './reasons.js';
import { safeText, thrownText } from './safe.js';

/** Something that is not wrong yet, or not wrong with this request. */
export interface AuthenticationWarning {
  readonly code:
    | 'secret_expiring'
    | 'secret_refused'
    | 'private_key_published'
    | 'kid_mismatch'
    | 'jwks_uri_failed';
  /** The secret's type and description. */
  readonly secret: string;
  readonly message: string;
}

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
  /** The client as the assertion names it; before a success nobody has proved it. */
  clientId?: string | undefined;
  /**
   * On success, how the client proved itself: `private_key_jwt` or `client_secret_jwt`; and
   * `client_secret_post` or `client_secret_basic` where `authenticateClient` ran other strategies.
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
  /** Which of the server's names `aud` was. */
  audienceForm?: AudienceForm | undefined;
  /** On success: what strict mode would have refused. Empty where it would have accepted. */
  strictFailures?: readonly Reason[] | undefined;
  /** On success: the type and description of the secret that verified. */
  secret?: string | undefined;
  /** On success: when that secret expires; undefined for never. */
  secretExpiresAt?: Date | undefined;
  /** What to look after before it fails. */
  warnings: AuthenticationWarning[];
  /** The issuer that was called: tells tenants apart. */
  issuer?: string | undefined;
  /** The URL of the endpoint that was called. */
  endpoint?: string | undefined;
  /** In milliseconds. */
  duration: number;
}

/** An event about which nothing is known yet but where the request came to. */
export const newEvent = ({ issuer, endpoint }: Partial<ServerIdentity>): AuthenticationEvent => ({
  outcome: 'failure',
  issuer,
  endpoint: safeText(endpoint),
  warnings: [],
  duration: 0,
});

/** Notes why an authentication failed. */
export function noteError(
  event: AuthenticationEvent,
  { reason, expected, actual, cause }: ClientAuthenticationError,
): AuthenticationEvent {
  event.reason = reason;
  if (expected !== undefined) event.expected = expected;
  if (actual !== undefined) event.actual = actual;
  if (cause !== undefined) event.cause = cause;
  return event;
}

/** Publishes every `AuthenticationEvent`. */
export const AUTHENTICATION_CHANNEL = 'passport-private-key-jwt:authentication';

const authentications: Channel = channel(AUTHENTICATION_CHANNEL);
/** Its `start`, `end`, `asyncStart`, `asyncEnd` and `error` let tracing tools see the time. */
const tracing = tracingChannel<object, AuthenticationEvent>(
  'passport-private-key-jwt:authenticate',
);

/** Whether anybody wants to see when authentications start and end. */
export const isTraced = (): boolean => tracing.hasSubscribers;

const warn = (what: string, error: unknown): void =>
  process.emitWarning(`${what} failed: ${thrownText(error)}`, 'PrivateKeyJwtWarning');

/**
 * Runs an authentication so that tracing tools see when it starts and ends. The channel shows the
 * value of the promise to every subscriber, so the traced promise has none; and what subscribers do
 * to what they are shown does not reach the authentication.
 */
export async function traced<T>(event: AuthenticationEvent, run: () => Promise<T>): Promise<T> {
  const context = { ...event, warnings: [] };
  const results: T[] = [];
  try {
    await tracing.tracePromise(async () => {
      results.push(await run());
      Object.assign(context, event);
    }, context);
  } catch (error) {
    if (results.length === 0) throw error;
    warn('Tracing', error);
  }
  return results[0] as T;
}

/** Tells the operator of a finished authentication. No listener can make it fail. */
export function report(
  event: AuthenticationEvent,
  listener: ((event: AuthenticationEvent) => unknown) | undefined,
): void {
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
