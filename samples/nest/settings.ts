import { readFileSync } from 'node:fs';
import type { AssertionClient } from 'passport-private-key-jwt';

const { PORT = '3000', CLIENTS = 'clients.json' } = process.env;

export const port = Number(PORT);
/** This application is an authorization server for its clients; this is its issuer identifier too. */
export const BASE_URL = `http://localhost:${PORT}`;
/** It is also a client of another authorization server, where its users log in. */
export const { PROVIDER = '', CLIENT_ID = 'nest', CLIENT_KEY = 'client.pem' } = process.env;
export const { SESSION_SECRET = '' } = process.env;

/** The clients of this server: `[{ clientId, secrets: [{ type: 'JsonWebKey', value }] }]`. */
const registered = JSON.parse(readFileSync(CLIENTS, 'utf8')) as AssertionClient[];
export const clients = new Map(registered.map((client) => [client.clientId, client]));
