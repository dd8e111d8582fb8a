/**
 * For authorization servers that are built on the Express router of the MCP TypeScript SDK, whose
 * own client authentication reads no assertion.
 *
 * @module
 */
export type { ClientCredentialsGrant } from './client-credentials.js';
export { type McpServerProvider, mcpAuthRouter } from './router.js';
