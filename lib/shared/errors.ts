import { type Failure, type OAuthErrorCode, REASONS, type Reason } from './reasons.js';
import { safe } from './safe.js';

/** Characters that RFC 6749 §5.2 leaves out of error_description. */
const NOT_ALLOWED = /[^ !#-[\]-~]/g;

const CALLER_DESCRIPTIONS: Partial<Record<OAuthErrorCode, string>> = {
  invalid_client: 'Client authentication failed.',
  temporarily_unavailable: 'The server cannot authenticate clients at the moment.',
};

/** An error that a caller of an OAuth endpoint may see (RFC 6749 §5.2). */
export class OAuthError extends Error {
  override readonly name: string = 'OAuthError';
  /** The error code of the RFC, such as `invalid_client`. */
  readonly error: string;
  /** The HTTP status of the answer. */
  readonly status: number;

  /**
   * @param error the error code of the RFC
   * @param description what the caller may read: becomes `error_description`
   * @param status the HTTP status. Default 400
   */
  constructor(error: string, description: string, status = 400, options?: ErrorOptions) {
    super(description.replace(NOT_ALLOWED, ' '), options);
    this.error = error;
    this.status = status;
  }

  /** The body of the answer. */
  toJSON(): { error: string; error_description: string } {
    return { error: this.error, error_description: this.message };
  }
}

/**
 * A client could not be authenticated. `error`, `status` and `message` are for the caller, `reason`,
 * `expected` and `actual` for the operator, and safe to log.
 */
export class ClientAuthenticationError extends OAuthError {
  override readonly name = 'ClientAuthenticationError';
  readonly reason: Reason;
  readonly expected: unknown;
  readonly actual: unknown;

  /** @param detailed whether the caller is told the reason too. Default false */
  constructor(failure: Failure, detailed = false) {
    const { error, status, description } = REASONS[failure.reason];
    super(
      error,
      detailed ? description : (CALLER_DESCRIPTIONS[error] ?? description),
      status,
      failure.cause === undefined ? undefined : { cause: failure.cause },
    );
    this.reason = failure.reason;
    this.expected = safe(failure.expected);
    this.actual = safe(failure.actual);
  }
}

/**
 * A request object was refused (RFC 9101 §6.3). `reason`, `expected` and `actual` are for the
 * operator, and safe to log.
 */
export class RequestObjectError extends OAuthError {
  override readonly name = 'RequestObjectError';
  readonly reason: Reason;
  readonly expected: unknown;
  readonly actual: unknown;

  /** @param failure of which the caller is told nothing */
  constructor({ reason, expected, actual, cause }: Failure) {
    const options = cause === undefined ? undefined : { cause };
    super('invalid_request_object', 'The request object is invalid.', 400, options);
    this.reason = reason;
    this.expected = safe(expected);
    this.actual = safe(actual);
  }
}

/** The server is set up in a way that cannot work; the message says what to change. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}
