import type { IncomingHttpHeaders } from 'node:http';

const directive = (cacheControl: string, name: string): string | undefined =>
  cacheControl
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .find((part) => part === name || part.startsWith(`${name}=`));

const secondsIn = (text: string | undefined): number | undefined => {
  const digits = /^(?:[a-z-]+=)?"?(\d+)"?$/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/**
 * For how many seconds an answer is fresh by its headers (RFC 9111 §4.2): `max-age` less `Age`, or
 * else `Expires` less `Date`; 0 for `no-store` and `no-cache`.
 *
 * @returns undefined where the headers say nothing
 */
export function freshness(headers: IncomingHttpHeaders): number | undefined {
  const cacheControl = headers['cache-control'] ?? '';
  if (directive(cacheControl, 'no-store') ?? directive(cacheControl, 'no-cache')) return 0;
  const maxAge = secondsIn(directive(cacheControl, 'max-age'));
  if (maxAge !== undefined) return Math.max(0, maxAge - (secondsIn(headers.age) ?? 0));

  const { expires } = headers;
  if (expires === undefined) return undefined;
  const date = headers.date === undefined ? Date.now() : Date.parse(headers.date);
  const seconds = (Date.parse(expires) - date) / 1000;
  // An Expires that cannot be read, such as 0, means expired (RFC 9111 §5.3).
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}
