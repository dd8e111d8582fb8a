import { ExpiringMap } from '../../shared/expiring-map.js';
import type { Parameters } from '../parameters.js';
import { randomToken } from '../random.js';

const PREFIX = 'urn:ietf:params:oauth:request_uri:';

/** How long a pushed request can be used, in seconds (RFC 9126 §2.2). */
export const PUSHED_REQUEST_LIFETIME = 60;

/** An authorization request that a client pushed after it authenticated. */
export interface PushedRequest {
  readonly clientId: string;
  readonly parameters: Parameters;
}

/** The pushed authorization requests (PAR, RFC 9126) that were not used yet. */
export class PushedRequests {
  private readonly requests = new ExpiringMap<PushedRequest>(PUSHED_REQUEST_LIFETIME);

  /** @returns the `request_uri` that stands for the request */
  push(request: PushedRequest): string {
    const requestUri = PREFIX + randomToken();
    this.requests.set(requestUri, request, request.clientId);
    return requestUri;
  }

  /** The request that a client pushed: once, and only to that client (RFC 9126 §4, §7.3). */
  take(requestUri: string, clientId: string): PushedRequest | undefined {
    if (this.requests.get(requestUri)?.clientId !== clientId) return undefined;
    return this.requests.take(requestUri);
  }
}
