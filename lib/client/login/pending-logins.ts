import { ConfigurationError, helpFor } from '../../shared/errors.js';
import { changeSession, leaveEndedSession, type Session } from '../tokens/session.js';
import type { LoginRequest } from './events.js';

export interface PendingLogin {
  readonly state: string;
  readonly owner: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
  readonly nonce?: string;
  readonly maxAge?: number;
  /** In milliseconds since the epoch. */
  readonly startedAt: number;
}

/** The provider's response matches no pending login in the session. */
export class LoginStateError extends Error {
  override readonly name = 'LoginStateError';
  readonly code = 'login_not_waiting';
  readonly help = helpFor(this.code);
  readonly status = 400;
  readonly statusCode = 400;
  readonly expose = false;

  /** @param answer what the response says. Anyone could have sent it */
  constructor(answer?: string) {
    const said =
      answer === undefined ? '' : ` The response says ${answer}, which anyone could have sent.`;
    super(
      `No login is waiting for this response: it is already finished, started in another browser or at another strategy, took too long, or the session cookie was lost. The cookie must be SameSite=Lax (None and Secure for form_post); a Secure cookie needs HTTPS, and app.set('trust proxy', 1) behind a proxy.${said}`,
    );
  }
}

/** For one session; a new login replaces the oldest. */
const MAX_PENDING_LOGINS = 10;

const SESSION_MEMBER = 'openid-connect';

/** One for each tab. */
export class PendingLogins {
  readonly #timeout: number;
  readonly #owner: string;

  /** `timeout` in seconds. `owner` names the strategy; only this strategy finishes its logins. */
  constructor(timeout: number, owner: string) {
    this.#timeout = timeout;
    this.#owner = owner;
  }

  #of(session: Session): readonly PendingLogin[] {
    const logins = session[SESSION_MEMBER];
    const oldest = Date.now() - this.#timeout * 1000;
    return Array.isArray(logins)
      ? logins.filter(({ startedAt }: PendingLogin) => startedAt > oldest)
      : [];
  }

  #keep(session: Session, logins: readonly PendingLogin[]): void {
    if (logins.length === 0) delete session[SESSION_MEMBER];
    else session[SESSION_MEMBER] = logins.slice(-MAX_PENDING_LOGINS);
  }

  /** If a logout in another tab has ended the session in the meantime, uses a new session. */
  async add(request: LoginRequest, login: Omit<PendingLogin, 'owner'>): Promise<void> {
    const add = () =>
      changeSession(request, (session, stored) =>
        this.#keep(session, [...this.#of(stored), { ...login, owner: this.#owner }]),
      );
    if (await add()) return;
    await leaveEndedSession(request);
    if (!(await add())) throw new LoginStateError();
  }

  /** Each response is valid for one use. Throws a LoginStateError if no login has this state. */
  async take(request: LoginRequest, state: string | null, answer?: string): Promise<PendingLogin> {
    const session = request.session as Session;
    const logins = this.#of(session);
    const found = logins.find((login) => login.state === state && login.owner === this.#owner);
    if (found === undefined) {
      if (logins.length === 0) warnOfLostCookie(request);
      throw new LoginStateError(answer);
    }
    const isTaken = await changeSession(request, (_session, stored) => {
      const all = this.#of(stored);
      // A concurrent request with the same response was faster.
      if (!all.some((login) => login.state === state)) return false;
      this.#keep(
        session,
        all.filter((login) => login.state !== state),
      );
      return true;
    });
    if (!isTaken) throw new LoginStateError(answer);
    return found;
  }

  /** @throws {ConfigurationError} if Passport could not renew the session after a login */
  requireRenewal({ session }: LoginRequest): void {
    if (typeof (session as Session)['regenerate'] === 'function') return;
    throw new ConfigurationError(
      'Passport renews the session at login, but this session cannot be renewed: use express-session (cookie-session has no regenerate), or session: false.',
    );
  }

  /** An attacker may have begun the others, in a session planted in the browser. */
  forget(request: LoginRequest, isKept: boolean): Promise<unknown> | undefined {
    const forget = (session: Session) => delete session[SESSION_MEMBER];
    if (isKept) return changeSession(request, forget);
    forget(request.session as Session);
    return undefined;
  }
}

let hasWarned = false;

const COOKIE_LOST =
  "A provider sent a user back, but the browser did not send the cookie of the user's session. If this happens at every login, the session cookie is lost: it must be SameSite=Lax (None and Secure for form_post), and a Secure cookie needs HTTPS and, behind a proxy, app.set('trust proxy', 1).";

/** Other cookies of the host, such as those of a provider on another port, prove nothing. */
export function hasSessionCookie(request: LoginRequest): boolean {
  const { headers, session } = request;
  const { isNew, id, sessionId } = session as Readonly<Record<string, unknown>>;
  const { sessionID = id ?? sessionId } = request as { readonly sessionID?: unknown };
  if (headers.cookie === undefined || isNew === true) return false;
  if (typeof sessionID !== 'string') return true;
  return (
    headers.cookie.includes(sessionID) || headers.cookie.includes(encodeURIComponent(sessionID))
  );
}

function warnOfLostCookie(request: LoginRequest): void {
  if (hasWarned || hasSessionCookie(request)) return;
  hasWarned = true;
  process.emitWarning(COOKIE_LOST, { type: 'PrivateKeyJwtWarning', code: 'login_cookie_lost' });
}
