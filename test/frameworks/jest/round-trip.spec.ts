import { generateKeyPairSync } from 'node:crypto';
import { CLIENT_ASSERTION_TYPE, ClientAssertionValidator } from 'passport-private-key-jwt';
import { AssertionService } from 'passport-private-key-jwt/client';

test('both halves load in Jest, and one accepts what the other signs', async () => {
  const issuer = 'https://as.example';
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const assertions = new AssertionService({ clientId: 'client', key: privateKey, issuer });
  const { keys } = await assertions.publicJwks();
  const validator = new ClientAssertionValidator({}, (clientId) => ({
    clientId,
    secrets: [{ type: 'JsonWebKeySet', value: { keys } }],
  }));
  const { client } = await validator.validate({
    issuer,
    parameters: {
      client_assertion: await assertions.createClientToken(),
      client_assertion_type: CLIENT_ASSERTION_TYPE,
    },
  });
  expect(client.clientId).toBe('client');
});
