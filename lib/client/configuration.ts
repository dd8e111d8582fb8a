import { Configuration } from 'openid-client';

/** @throws {TypeError} for what is no configuration of openid-client */
export function checkConfiguration(config: unknown): void {
  if (config instanceof Configuration) return;
  throw new TypeError("config must be a Configuration of openid-client: await discovery's result");
}
