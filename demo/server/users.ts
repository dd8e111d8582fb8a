/** A user of the demo. */
export interface User {
  readonly sub: string;
  readonly name: string;
  readonly email: string;
}

/** Put your own users, and your own way to authenticate them, in place of these. */
const USERS: ReadonlyMap<string, User> = new Map(
  [
    { sub: 'alice', name: 'Alice Example', email: 'alice@example.com' },
    { sub: 'bob', name: 'Bob Example', email: 'bob@example.com' },
  ].map((user) => [user.sub, user]),
);

/** The names that can log in. */
export const USER_NAMES: readonly string[] = [...USERS.keys()];

/** Finds a user by the name that they log in with, which is their `sub` too. */
export const findUser = (name: unknown): User | undefined =>
  typeof name === 'string' ? USERS.get(name) : undefined;

/** The claims about a user that scopes stand for (OpenID Connect Core §5.4). */
export function userClaims(user: User, scopes: readonly string[]): Record<string, unknown> {
  return {
    sub: user.sub,
    ...(scopes.includes('profile') && { name: user.name, preferred_username: user.sub }),
    ...(scopes.includes('email') && { email: user.email, email_verified: true }),
  };
}
