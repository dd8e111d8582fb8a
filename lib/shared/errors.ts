import { type Failure, type OAuthErrorCode, REASONS, type Reason } from './reasons.js';
import { safe } from './safe.js';

/** Not allowed in error_description (RFC 6749 §5.2). */
const NOT_ALLOWED = /[^ !#-[\]-~]/g;

const CALLER_DESCRIPTIONS: Partial<Record<OAuthErrorCode, string>> = {
  invalid_client: 'Client authentication failed.',
  temporarily_unavailable: 'The server cannot authenticate clients at the moment.',
};

export const helpFor = (code: string): string =>
  `passport-private-key-jwt/docs/troubleshooting.md#${code}`;

/** An error that a caller of an OAuth endpoint may see (RFC 6749 §5.2). */
export class OAuthError extends Error {
  override readonly name: string = 'OAuthError';
  /** The RFC's error code, such as `invalid_client`. */
  readonly error: string;
  /** Stable: the precise reason if there is one, otherwise `error`. */
  readonly code: string;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The same as `status`, for other frameworks. */
  readonly statusCode: number;
  /** The message is for the caller. */
  readonly expose = true;

  /**
   * @param error the error code of the RFC
   * @param description for the caller: `error_description`
   * @param status of the answer. Default 400
   */
  constructor(
    error: string,
    description: string,
    status = 400,
    { code = error, cause }: { readonly code?: string; readonly cause?: unknown } = {},
  ) {
    super(description.replace(NOT_ALLOWED, ' '), cause === undefined ? undefined : { cause });
    this.error = error;
    this.code = code;
    this.status = status;
    this.statusCode = status;
  }

  /** The body of the answer. */
  toJSON(): { error: string; error_description: string } {
    return { error: this.error, error_description: this.message };
  }
}

export interface AnswerSettings {
  readonly detailedErrors: boolean;
  readonly invalidClientStatus: 400 | 401;
}

/**
 * A client failed to authenticate. `error`, `status` and `message` are for the caller; `reason`
 * (also `code`), `expected` and `actual` are for the operator and safe to log.
 */
export class ClientAuthenticationError extends OAuthError {
  override readonly name = 'ClientAuthenticationError';
  readonly reason: Reason;
  /** The page of this package's guides about this error. */
  readonly help: string;
  readonly expected: unknown;
  readonly actual: unknown;

  /** @param authorization whether the request has an Authorization header, which requires 401 */
  constructor(failure: Failure, settings?: AnswerSettings, authorization = false) {
    const { reason, expected, actual, cause } = failure;
    const { error, status, description } = REASONS[reason];
    const caller = settings?.detailedErrors ? description : CALLER_DESCRIPTIONS[error];
    const isFlexible = status === 401 && !authorization && settings !== undefined;
    super(error, caller ?? description, isFlexible ? settings.invalidClientStatus : status, {
      code: reason,
      cause,
    });
    this.reason = reason;
    this.help = helpFor(reason);
    this.expected = safe(expected);
    this.actual = safe(actual);
  }
}

/**
 * A request object was refused (RFC 9101 §6.3). `reason` (also `code`), `expected` and `actual` are
 * for the operator and safe to log.
 */
export class RequestObjectError extends OAuthError {
  override readonly name = 'RequestObjectError';
  readonly reason: Reason;
  /** The page of this package's guides about this error. */
  readonly help: string;
  readonly expected: unknown;
  readonly actual: unknown;

  /** @param failure not shown to the caller */
  constructor({ reason, expected, actual, cause }: Failure) {
    super('invalid_request_object', 'The request object is invalid.', 400, { code: reason, cause });
    this.reason = reason;
    this.help = helpFor(reason);
    this.expected = safe(expected);
    this.actual = safe(actual);
  }
}

/** The application's configuration cannot work; the message says what to change. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code = 'configuration_invalid';
  readonly help = helpFor(this.code);
}
