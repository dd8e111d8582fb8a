/** The client that the MCP conformance suite runs: SDK 2, with client authentication by our client half. */
import {
  Client,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { AssertionService } from '../lib/client/index.js';
import { mcpClientAuthentication } from '../lib/mcp/index.js';
import { UserClient } from '../test/support/mcp-user.js';

const url = new URL(process.argv.at(-1) ?? '');
const { MCP_CONFORMANCE_CONTEXT = '{}', MCP_CONFORMANCE_SCENARIO } = process.env;
const { client_id = '', private_key_pem = '' } = JSON.parse(MCP_CONFORMANCE_CONTEXT);

/** The id that the suite expects of clients with a metadata document. */
const DOCUMENT = 'https://conformance-test.local/client-metadata.json';

function providerOf() {
  if (MCP_CONFORMANCE_SCENARIO !== 'auth/client-credentials-jwt') {
    return new UserClient({ client_id: DOCUMENT }, 'http://localhost:3979/callback');
  }
  const options = { clientId: client_id, privateKey: '', algorithm: 'ES256' };
  const provider = new PrivateKeyJwtProvider(options);
  const service = new AssertionService({ clientId: client_id, key: private_key_pem });
  return Object.assign(provider, { addClientAuthentication: mcpClientAuthentication(service) });
}

const provider = providerOf();
const connect = async (): Promise<Client> => {
  const client = new Client({ name: 'passport-private-key-jwt', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(url, { authProvider: provider as never });
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    const answer = provider instanceof UserClient ? provider.answer : undefined;
    if (answer === undefined) throw error;
    await transport.finishAuth(answer.searchParams);
    return connect();
  }
};
const client = await connect();
await client.listTools();
await client.close();
