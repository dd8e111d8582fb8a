import { networkOf } from '../net/addresses.js';
import { OAuthError } from '../shared/errors.js';
import type { Middleware } from '../shared/http.js';

const MAX_ADDRESSES = 10_000;

/** Counts failed calls too: assertions are checked later. */
export function limitCalls(most: number, minutes: number): Middleware {
  const counts = new Map<string, { calls: number; readonly end: number }>();
  return (request, response, next) => {
    const now = Date.now();
    const { ip, socket } = request as typeof request & { readonly ip?: string };
    // One caller owns a whole network of IPv6 addresses.
    const address = networkOf(ip ?? socket.remoteAddress ?? '');
    const known = counts.get(address);
    const count =
      known !== undefined && known.end > now ? known : { calls: 0, end: now + minutes * 60_000 };
    counts.delete(address);
    counts.set(address, count);
    count.calls += 1;
    if (counts.size > MAX_ADDRESSES) counts.delete(counts.keys().next().value ?? '');
    if (count.calls <= most) {
      next();
      return;
    }
    response.setHeader('Retry-After', Math.ceil((count.end - now) / 1000));
    const description = `More than ${most} calls in ${minutes} minutes.`;
    next(new OAuthError('too_many_requests', description, 429));
  };
}
