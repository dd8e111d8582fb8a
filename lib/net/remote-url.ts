import { isIP } from 'node:net';
import { safeText } from '../shared/safe.js';
import { isLoopback, networkOf } from './addresses.js';
import { FetchError } from './fetch-error.js';
import type { FetchSettings } from './options.js';

export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

const isLocal = (url: URL): boolean => url.hostname === 'localhost' || isLoopback(hostOf(url));

/** Names are registered below co.uk, com.au, ac.jp. */
const isShared = (second: string, top: string): boolean => top.length === 2 && second.length <= 3;

/** The registered domain, or the network of an address: anyone can create names below a domain. */
export function siteOf(url: unknown): string {
  if (typeof url !== 'string' || !URL.canParse(url)) return '';
  const host = hostOf(new URL(url));
  if (isIP(host) !== 0) return networkOf(host);
  const labels = host.split('.').filter((label) => label !== '');
  const [second = '', top = ''] = labels.slice(-2);
  return labels.slice(isShared(second, top) ? -3 : -2).join('.');
}

/** For errors. The query may contain secrets. */
export const describeUrl = ({ origin, pathname }: URL): string =>
  safeText(`${origin}${pathname}`) ?? '';

/** In characters. */
const MAX_LENGTH = 2048;

const invalid = (message: string): FetchError => new FetchError('url_invalid', message);

/** https, or http to this machine; no credentials, no fragment. Resolves and calls nothing. */
export function parseRemoteUrl(value: unknown): URL {
  if (typeof value !== 'string' || value.length > MAX_LENGTH || !URL.canParse(value)) {
    throw invalid(`the value is not an absolute URL of at most ${MAX_LENGTH} characters`);
  }
  const url = new URL(value);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal(url))) {
    throw invalid('the URL is not https');
  }
  if (url.username !== '' || url.password !== '') throw invalid('the URL has credentials');
  if (value.includes('#')) throw invalid('the URL has a fragment');
  return url;
}

/** Only a local resolver knows such a name (a final dot does not count). */
function isDotless(url: URL): boolean {
  const host = hostOf(url);
  return isIP(host) === 0 && !host.replace(/\.$/, '').includes('.');
}

/** Ports below 1024 host internal services (SSRF). */
const isUsualPort = (port: number): boolean => port === 443 || port >= 1024;

/** As far as possible without resolving the URL. */
export function checkedTarget(
  value: string,
  { allowedNetworks }: Pick<FetchSettings, 'allowedNetworks'>,
): URL {
  const url = parseRemoteUrl(value);
  if (isLocal(url) && allowedNetworks.hasLocalhost) return url;
  if (url.protocol === 'http:') {
    throw invalid(
      "the URL is not https: allowedNetworks: ['localhost'] allows http to this machine, for development",
    );
  }
  if (isDotless(url) && allowedNetworks.isEmpty) {
    throw invalid(
      `the host ${safeText(hostOf(url))} has no dot, so it is not a public name: allowedNetworks can allow it`,
    );
  }
  const port = url.port === '' ? 443 : Number(url.port);
  if (!isUsualPort(port)) {
    throw new FetchError(
      'port_not_allowed',
      `port ${port}: only port 443 and ports from 1024 upwards are allowed`,
    );
  }
  return url;
}
