import { AsyncLocalStorage } from 'node:async_hooks';
import { type Configuration, type CustomFetch, customFetch } from 'openid-client';

type Hook = (parameters: URLSearchParams) => Promise<void>;

const hooks = new AsyncLocalStorage<Hook>();
const hooked = new WeakSet<CustomFetch>();

/** Requests whose hook was called: a fetch that wraps another one may have it installed twice. */
const seen = new WeakSet<URLSearchParams>();

/** Makes the fetch of a configuration call the hook of its caller. Done once per fetch. */
function installHook(config: Configuration): void {
  const send = config[customFetch] ?? (fetch as CustomFetch);
  if (hooked.has(send)) return;
  const fetchWithHook: CustomFetch = async (url, options) => {
    const { body } = options;
    const isRedemption =
      body instanceof URLSearchParams && body.get('grant_type') === 'authorization_code';
    if (isRedemption && !seen.has(body)) {
      seen.add(body);
      await hooks.getStore()?.(body);
    }
    return send(url, options);
  };
  hooked.add(fetchWithHook);
  config[customFetch] = fetchWithHook;
}

/**
 * Calls the hook with the parameters of each code redemption that happens while `run` does, as late
 * as can be: after client authentication, whatever the method, and just before they are sent. The
 * place is openid-client's `customFetch`, the only one that sees the whole request; an
 * AsyncLocalStorage tells the logins that share a configuration apart.
 *
 * @throws what the hook throws, as it is; else what `run` throws
 */
export async function withTokenRequestHook<T>(
  config: Configuration,
  hook: Hook,
  run: () => Promise<T>,
): Promise<T> {
  installHook(config);
  const thrown: unknown[] = [];
  const observed: Hook = (parameters) =>
    hook(parameters).catch((error: unknown) => {
      thrown.push(error);
      throw error;
    });
  try {
    return await hooks.run(observed, run);
  } catch (error) {
    throw thrown.length > 0 ? thrown[0] : error;
  }
}
