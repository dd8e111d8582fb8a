import type { ExpressRequest } from '../../shared/http.js';

/** What is used of an Express request during a login, besides what openid-client reads of it. */
export interface LoginRequest extends ExpressRequest {
  /** The session of express-session, or another with the same methods. */
  readonly session?: object | null;
}
