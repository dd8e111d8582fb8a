import { FetchError } from '../net/fetch-error.js';
import { parseRemoteUrl } from '../net/remote-url.js';

/**
 * Checks a client identifier URL (draft-ietf-oauth-client-id-metadata-document-02 §3): https, no
 * credentials, no fragment, a path without dot segments. It must be written in the one way in which
 * URL parsers write it, so that two spellings cannot be two clients at one address.
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
  return url;
}
