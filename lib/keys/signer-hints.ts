import type { Secret } from './secret.js';

/**
 * Remembers which secret of a client has verified a `kid`, so that a client with a thousand secrets
 * costs no more than one with a few. A hint says what to try first and never what to refuse: where
 * it does not lead to the signer, all secrets are looked through.
 */
export class SignerHints {
  private readonly positions = new WeakMap<readonly Secret[], Map<string, number>>();

  /** The secret that has verified this `kid`, if it is still one of the client's. */
  find(secrets: readonly Secret[], kid: unknown): Secret | undefined {
    if (typeof kid !== 'string') return undefined;
    const position = this.positions.get(secrets)?.get(kid);
    return position === undefined ? undefined : secrets[position];
  }

  /** Notes that a secret has verified a `kid`. */
  note(secrets: readonly Secret[], kid: unknown, secret: Secret): void {
    if (typeof kid !== 'string') return;
    const known = this.positions.get(secrets);
    if (known === undefined) {
      this.positions.set(secrets, new Map([[kid, secrets.indexOf(secret)]]));
    } else if (known.size < secrets.length || known.has(kid)) {
      known.set(kid, secrets.indexOf(secret));
    }
  }
}
