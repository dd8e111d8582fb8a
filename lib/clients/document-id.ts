import { FetchError } from '../net/fetch-error.js';
import { parseRemoteUrl } from '../net/remote-url.js';

/**
 * Checks a client identifier URL (draft-ietf-oauth-client-id-metadata-document-02 §3): https, no
 * credentials, no fragment, a path without dot segments. It must be written in the one way in which
 * URL parsers write it, and its host without the dot that may end a name, so that two spellings cannot
 * be two clients at one address, nor one of them get past a list of hosts.
 *
 * @throws {FetchError} `url_invalid`
 */
export function parseClientIdUrl(clientId: string): URL {
  const url = parseRemoteUrl(clientId);
  if (url.href !== clientId) {
    throw new FetchError(
      'url_invalid',
      'the client_id has no path, or is not written in its canonical form',
    );
  }
  if (url.hostname.endsWith('.')) {
    throw new FetchError('url_invalid', 'the host of the client_id ends in a dot');
  }
  return url;
}
