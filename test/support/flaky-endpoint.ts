import express from 'express';
import { decodeJwt } from 'jose';
import { allowInsecureRequests, Configuration, type ServerMetadata } from 'openid-client';
import { type AssertionService, clientAssertion } from '../../lib/client/index.js';
import { type Listening, listen } from './listen.js';

/** A token endpoint that loses requests before it answers; the others go on to the provider. */
export interface FlakyEndpoint extends Listening {
  /** How many of the next requests are lost. */
  lose: number;
  /** The `jti` of each assertion that has arrived. */
  readonly ids: unknown[];
}

export async function flakyEndpoint(target: string): Promise<FlakyEndpoint> {
  const ids: unknown[] = [];
  const app = express();
  const listening = await listen(app);
  const endpoint = { ...listening, lose: 0, ids };
  app.use(express.text({ type: () => true }));
  app.use(async (request, response) => {
    const form = new URLSearchParams(request.body);
    ids.push(decodeJwt(form.get('client_assertion') ?? '')['jti']);
    if (endpoint.lose > 0) {
      endpoint.lose -= 1;
      request.socket.destroy();
      return;
    }
    const answer = await fetch(target, { method: 'POST', body: form });
    response
      .status(answer.status)
      .type('json')
      .send(await answer.text());
  });
  return endpoint;
}

/** The same configuration, with endpoints elsewhere, or with other metadata of the server. */
export const withEndpoints = (
  config: Configuration,
  endpoints: Partial<ServerMetadata>,
  assertions: AssertionService,
): Configuration => {
  const { supportsPKCE: _method, ...metadata } = config.serverMetadata();
  const moved = new Configuration(
    { ...metadata, ...endpoints },
    assertions.clientId,
    undefined,
    clientAssertion(assertions),
  );
  allowInsecureRequests(moved);
  return moved;
};
