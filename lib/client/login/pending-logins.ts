import { ConfigurationError } from '../../shared/errors.js';
import type { LoginRequest } from './events.js';

/** A login that a user was sent to the provider for. It is kept in the session as JSON. */
export interface PendingLogin {
  readonly state: string;
  /** The strategy that it began at. */
  readonly owner: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
  readonly nonce?: string;
  /** The `max_age` that was asked for, in seconds. */
  readonly maxAge?: number;
  /** In milliseconds since the epoch. */
  readonly startedAt: number;
}

/** The response of a provider belongs to no login that is waiting in the session. */
export class LoginStateError extends Error {
  override readonly name = 'LoginStateError';

  /** @param answer what the provider says, which nobody has proved */
  constructor(answer?: string) {
    const said =
      answer === undefined ? '' : ` The response says ${answer}, which may be anybody's.`;
    super(
      `No login is waiting for this response: it was finished before, began in another browser or elsewhere, took too long, or the session cookie has not come back. That must be SameSite=Lax (None and Secure for form_post); a Secure one needs HTTPS, and app.set('trust proxy', 1) behind a proxy.${said}`,
    );
  }
}

/** How many logins of one session can be under way; a new one takes the place of the oldest. */
const MAX_PENDING_LOGINS = 10;

/** The member of the session that keeps them. */
const SESSION_MEMBER = 'openid-connect';

type Session = Record<string, unknown>;
type Regenerate = (done: (error?: unknown) => void) => unknown;

/** The logins that are under way in a session, each in its own tab. */
export class PendingLogins {
  readonly #timeout: number;
  readonly #owner: string;

  /**
   * @param timeout in seconds, after which a login cannot be finished
   * @param owner names the strategy, at which alone its logins are finished
   */
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

  /** Remembers a login until its response comes. */
  add({ session }: LoginRequest, login: Omit<PendingLogin, 'owner'>): void {
    const kept = session as Session;
    this.#keep(kept, [...this.#of(kept), { ...login, owner: this.#owner }]);
  }

  /**
   * The login that a response belongs to. It is forgotten: a response is good for one use.
   *
   * @param answer what the response says, for the error
   * @throws {LoginStateError} where no login of this strategy has this state
   */
  take({ session }: LoginRequest, state: string | null, answer?: string): PendingLogin {
    const kept = session as Session;
    const logins = this.#of(kept);
    const found = logins.find((login) => login.state === state && login.owner === this.#owner);
    if (found === undefined) throw new LoginStateError(answer);
    this.#keep(
      kept,
      logins.filter((login) => login !== found),
    );
    return found;
  }

  /** @throws {ConfigurationError} where Passport could not renew the session at the end of a login */
  requireRenewal({ session }: LoginRequest): void {
    if (typeof (session as Session)['regenerate'] === 'function') return;
    throw new ConfigurationError(
      'Passport renews the session at login, which this one cannot do: use express-session (cookie-session has no regenerate), or session: false.',
    );
  }

  /**
   * Lets the logins of other tabs outlive the new session that Passport makes when this one
   * succeeds. Nothing else is carried over, and each is of use only with the response that its
   * provider sends to this browser.
   */
  carryOver(request: LoginRequest): void {
    const session = request.session as Session;
    const { regenerate } = session;
    if (typeof regenerate !== 'function') return;
    const renewed: Regenerate = (done) =>
      (regenerate as Regenerate).call(session, (error) => {
        if (request.session) this.#keep(request.session as Session, this.#of(session));
        done(error);
      });
    Object.defineProperty(session, 'regenerate', { value: renewed, configurable: true });
  }
}
