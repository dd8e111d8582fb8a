import assert from 'node:assert/strict';

/** The answer to a request that was refused. */
export interface OAuthAnswer {
  readonly status: number;
  readonly error: string;
  readonly description: string;
  readonly headers: Headers;
}

/** Reads an answer and holds it to RFC 6749 §5.2: JSON with two members, and never cached. */
export async function oauthAnswer(response: Response): Promise<OAuthAnswer> {
  const { status, headers } = response;
  assert.match(headers.get('content-type') ?? '', /^application\/json/);
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('pragma'), 'no-cache');
  const body = (await response.json()) as Record<string, string>;
  assert.deepEqual(Object.keys(body), ['error', 'error_description']);
  return {
    status,
    error: body['error'] ?? '',
    description: body['error_description'] ?? '',
    headers,
  };
}
