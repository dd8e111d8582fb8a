import { ClientAssertionValidator, OAuthError } from 'passport-private-key-jwt';
import { AssertionService } from 'passport-private-key-jwt/client';

/** @type {Map<string, import('passport-private-key-jwt').AssertionClient>} */
const clients = new Map();
const validator = new ClientAssertionValidator({}, (clientId) => clients.get(clientId));

/** @param {URLSearchParams} parameters */
export async function clientOf(parameters) {
  try {
    const { client } = await validator.validate({ issuer: 'https://as.example', parameters });
    return client.clientId;
  } catch (error) {
    return error instanceof OAuthError ? error.status : 500;
  }
}

/** @type {Promise<string>} */
export const token = new AssertionService({ clientId: 'client', key: 'PEM' }).createClientToken();
