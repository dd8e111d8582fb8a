/**
 * An authorization server on a provider of the MCP TypeScript SDK, and client authentication for
 * the SDK's clients. Neither SDK is imported.
 * @module
 */
export type { Middleware } from '../shared/http.js';
export { mcpClientAuthentication } from './client-authentication.js';
export type { McpServerProvider } from './provider.js';
export { mcpAuthRouter } from './router.js';
