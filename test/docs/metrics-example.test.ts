import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { AuthenticationEvent } from '../../lib/index.js';
import { signAssertion, TOKEN_ENDPOINT } from '../support/assertion.js';
import { CLIENT } from '../support/attacks.js';
import { importBlock, ROOT } from '../support/docs.js';
import { outcome, validatorOf } from '../support/validator.js';

test('the metrics example counts authentications only by authenticated values', async (t) => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  const folder = await mkdtemp(join(ROOT, 'test', '.docs-'));
  t.after(async () => {
    metrics.disable();
    await provider.shutdown();
    await rm(folder, { recursive: true });
  });

  type Example = { measure(event: AuthenticationEvent): void };
  const { measure } = await importBlock<Example>('docs/diagnostics.md', 1, folder);

  const validator = validatorOf([CLIENT], { onAuthentication: measure });
  const authenticate = async (clientId: string, claims = {}) =>
    outcome(validator, await signAssertion(clientId, { claims, header: { kid: 'known' } }));
  await authenticate('client');
  await authenticate('client');
  await authenticate('client', { aud: TOKEN_ENDPOINT });
  await authenticate('somebody-makes-this-up');
  await authenticate('client', { exp: 1 });

  await reader.forceFlush();
  const [resource] = exporter.getMetrics();
  const measured = resource?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
  const pointsOf = (name: string) =>
    measured
      .find(({ descriptor }) => descriptor.name === name)
      ?.dataPoints.map(({ attributes, value }) => ({ attributes, value }));

  const proved = {
    outcome: 'success',
    clientId: 'client',
    alg: 'ES256',
    keyId: 'known',
    platform: undefined,
  };
  assert.deepEqual(pointsOf('client_authentications'), [
    { attributes: { ...proved, typ: undefined, audienceForm: 'issuer' }, value: 2 },
    { attributes: { ...proved, typ: undefined, audienceForm: 'token_endpoint' }, value: 1 },
    { attributes: { outcome: 'failure', reason: 'unknown_client' }, value: 1 },
    { attributes: { outcome: 'failure', reason: 'expired' }, value: 1 },
  ]);
  const counts = pointsOf('client_authentication_duration')?.map(
    ({ attributes, value }) => [attributes['outcome'], (value as { count: number }).count] as const,
  );
  assert.deepEqual(counts, [
    ['success', 3],
    ['failure', 2],
  ]);
});
