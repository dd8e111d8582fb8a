import { createHash } from 'node:crypto';
import { type Configuration, type DPoPHandle, refreshTokenGrant } from 'openid-client';
import { sendAgain } from './provider.js';
import { SingleFlight } from './single-flight.js';
import { MemoryTokenStore, type TokenSet, tokenSet } from './token-store.js';

/** For how long requests that still have the old refresh token are given the new tokens. */
const RECENT_SECONDS = 3600;

/** Names a refresh token, which is a secret. */
const keyOf = (refreshToken: string): string =>
  createHash('sha256').update(refreshToken).digest('base64url');

/** Refreshes tokens once, however many ask, so that servers may rotate refresh tokens. */
export class TokenRefresh {
  readonly #config: Configuration;
  readonly #renewBefore: number;
  readonly #flights = new SingleFlight<TokenSet>();
  readonly #recent = new MemoryTokenStore();

  /** @param renewBefore in seconds */
  constructor(config: Configuration, renewBefore: number) {
    this.#config = config;
    this.#renewBefore = renewBefore;
  }

  /** The tokens that have replaced those of a refresh token. */
  replacementOf(refreshToken: string): TokenSet | undefined {
    return this.#recent.get(keyOf(refreshToken));
  }

  /** @throws what openid-client throws */
  refresh(refreshToken: string, tokens: TokenSet, DPoP: DPoPHandle | undefined): Promise<TokenSet> {
    return this.#flights.run(keyOf(refreshToken), () => this.#send(refreshToken, tokens, DPoP));
  }

  /** The tokens that have replaced these, or are about to. */
  async latest(tokens: TokenSet): Promise<TokenSet> {
    const key = keyOf(tokens.refreshToken ?? '');
    const underWay = await this.#flights.underWay(key)?.catch(() => undefined);
    const next = underWay ?? this.#recent.get(key);
    return next === undefined ? tokens : this.latest(next);
  }

  async #send(
    refreshToken: string,
    tokens: TokenSet,
    DPoP: DPoPHandle | undefined,
  ): Promise<TokenSet> {
    // A server may have used up the refresh token though its answer was lost: only what was not
    // sent at all is sent again.
    const response = await sendAgain(
      () => refreshTokenGrant(this.#config, refreshToken, undefined, DPoP && { DPoP }),
      'unsent',
    );
    const renewed = tokenSet(response, Date.now() / 1000, this.#renewBefore, tokens);
    if (renewed.refreshToken !== refreshToken) {
      this.#recent.set(keyOf(refreshToken), renewed, RECENT_SECONDS);
    }
    return renewed;
  }
}
