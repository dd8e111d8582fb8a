import { randomUUID } from 'node:crypto';
import type { ReplayEntry } from '../../lib/index.js';
import { replayKey } from '../../lib/replay/record-use.js';
import { ISSUER } from './assertion.js';

/** The entry of one use, which lives for so many seconds from now. */
export function replayEntry(
  lifetime = 60,
  { issuer = ISSUER, clientId = 'client', jti = randomUUID() as string } = {},
): ReplayEntry {
  const key = replayKey({ issuer, clientId, jti });
  return { key, issuer, clientId, expiresAt: Date.now() / 1000 + lifetime };
}
