import { Configuration } from 'openid-client';
import type { Reader } from '../../shared/options.js';

/** Reads the option `config`. */
export const configuration: Reader<Configuration> = (_name, value) => {
  if (value instanceof Configuration) return value;
  throw new TypeError("config must be a Configuration of openid-client: await discovery's result");
};

/** Errors after which the request was certainly not sent: there was no connection. */
const NOT_SENT = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** Errors after which there was no answer, though the request may have been sent. */
const NOT_ANSWERED = [...NOT_SENT, 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

/** The code of an error or of what caused it. */
function* codesOf(error: unknown): Generator<unknown> {
  for (let each = error; each instanceof Error; each = each.cause) {
    yield (each as { readonly code?: unknown }).code;
    if (each instanceof AggregateError) for (const inner of each.errors) yield* codesOf(inner);
  }
}

const hasCode = (error: unknown, codes: readonly unknown[]): boolean =>
  [...codesOf(error)].some((code) => codes.includes(code));

/** What may be sent again: whatever was not answered, or only what certainly was not sent. */
export type Repeatable = 'unanswered' | 'unsent';

/**
 * Sends a request again, once, where the network failed. `send` is called anew, so that the second
 * request carries an assertion of its own.
 */
export async function sendAgain<Result>(
  send: () => Promise<Result>,
  repeatable: Repeatable,
): Promise<Result> {
  try {
    return await send();
  } catch (error) {
    if (!hasCode(error, repeatable === 'unsent' ? NOT_SENT : NOT_ANSWERED)) throw error;
    return send();
  }
}
