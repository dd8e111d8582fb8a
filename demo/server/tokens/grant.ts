/** What a client was granted, from which its tokens are made. */
export interface Grant {
  /** Names the grant in its tokens, so that all of them can be revoked together. */
  readonly id: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** What its access tokens are for (RFC 8707); undefined for this server itself. */
  readonly resource?: string | undefined;
  /** Who granted it; undefined if the client acts for itself. */
  readonly user?: GrantUser | undefined;
}

/** A user who logged in. */
export interface GrantUser {
  readonly sub: string;
  /** When they logged in, in seconds since the epoch. */
  readonly authTime: number;
}
