import { helpFor } from '../shared/errors.js';

/** Stable, so operators can build alerts on them. */
export type FetchErrorCode =
  | 'url_invalid'
  | 'host_not_allowed'
  | 'port_not_allowed'
  | 'name_not_resolved'
  | 'address_not_allowed'
  | 'connection_failed'
  | 'timeout'
  | 'redirect_refused'
  | 'status_not_ok'
  | 'content_type_not_json'
  | 'content_encoding_refused'
  | 'body_too_large'
  | 'body_not_json'
  | 'document_invalid'
  | 'too_many_fetches';

/** The server or the network failed, which says nothing about the document. */
const OUTAGES: readonly FetchErrorCode[] = [
  'name_not_resolved',
  'connection_failed',
  'timeout',
  'too_many_fetches',
];

/** Safe to log. There is no cause, because Node's errors contain data of the other server. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly code: FetchErrorCode;
  readonly help: string;
  /** The HTTP status that came with `status_not_ok` or `redirect_refused`. */
  readonly answered: number | undefined;

  constructor(code: FetchErrorCode, message: string, answered?: number) {
    super(message);
    this.code = code;
    this.help = helpFor(code);
    this.answered = answered;
  }

  /**
   * Any other failure is an answer: the document was withdrawn or changed.
   * @internal
   */
  get isOutage(): boolean {
    const { answered = 0 } = this;
    return OUTAGES.includes(this.code) || answered === 429 || answered >= 500;
  }
}
