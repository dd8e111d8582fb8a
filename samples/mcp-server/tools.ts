import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import * as z from 'zod';

/** The MCP server: one tool that adds, and one that tells the client who it is. */
export function createMcpServer(): McpServer {
  const server = new McpServer({ name: 'private-key-jwt-sample', version: '1.0.0' });
  server.registerTool(
    'add',
    { description: 'Adds two numbers', inputSchema: { a: z.number(), b: z.number() } },
    ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }),
  );
  server.registerTool('whoami', { description: 'Tells who calls' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: authInfo?.clientId ?? 'nobody' }],
  }));
  return server;
}
