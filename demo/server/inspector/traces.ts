import { AsyncLocalStorage } from 'node:async_hooks';
import type { Request, RequestHandler } from 'express';
import {
  type AuthenticationEvent,
  CLIENT_ASSERTION_TYPE,
  type ClientAssertionOptions,
  type ClientAssertionRequest,
  ClientAssertionValidator,
  type Explanation,
  type Secret,
} from 'passport-private-key-jwt';
import type { ClientsFile } from '../clients/clients-file.js';
import { type Parameters, readParameters } from '../parameters.js';
import { isShallow } from './shallow.js';

/**
 * One authentication as it went: what the assertion said, and what became of each check. A header or
 * claims that are nested too deeply for JSON are left out.
 */
export interface Trace {
  readonly time: string;
  readonly endpoint: string | undefined;
  readonly outcome: AuthenticationEvent['outcome'];
  readonly reason: AuthenticationEvent['reason'];
  readonly header?: Readonly<Record<string, unknown>> | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  readonly checks: readonly Explanation['checks'][number][];
}

/** What became of the replay check, which explaining an assertion leaves out. */
function replayOutcome({
  outcome,
  reason,
}: AuthenticationEvent): Partial<Explanation['checks'][number]> {
  if (outcome === 'success') return { outcome: 'passed' };
  return reason === 'replayed' ? { outcome: 'failed', reason } : {};
}

/** A public key as people have it. */
function secretOf(key: string): Secret {
  if (/BEGIN CERTIFICATE/.test(key)) return { type: 'X509CertificateBase64', value: key };
  if (/BEGIN /.test(key)) return { type: 'PublicKeyPem', value: key };
  return { type: /"keys"\s*:/.test(key) ? 'JsonWebKeySet' : 'JsonWebKey', value: key };
}

/**
 * Keeps the last authentications with every check, for learning and debugging. Not for production:
 * it costs as much as the authentication itself, and shows claims to anyone who asks.
 */
export class Traces {
  /** Goes first on the endpoints: lets `note` know the request that an event is about. */
  readonly middleware: RequestHandler;
  private readonly requests = new AsyncLocalStorage<Request>();
  private readonly traces: Promise<Trace>[] = [];
  private readonly byRequest = new WeakMap<Request, Promise<Trace>>();
  private lastUsed: string | undefined;
  private readonly used: string[] = [];
  private readonly options: ClientAssertionOptions;
  private readonly limit: number;
  private readonly server: Pick<ClientAssertionRequest, 'issuer' | 'tokenEndpoint'>;
  private readonly validator: ClientAssertionValidator;

  constructor(
    limit: number,
    options: ClientAssertionOptions,
    server: Pick<ClientAssertionRequest, 'issuer' | 'tokenEndpoint'>,
    clients: ClientsFile,
  ) {
    this.limit = limit;
    this.options = options;
    this.server = server;
    this.validator = new ClientAssertionValidator(options, (clientId) => clients.find(clientId));
    this.middleware = (request, _response, next) => this.requests.run(request, next);
  }

  /** Takes an event down, with the checks of the assertion that it is about. */
  note(event: AuthenticationEvent): void {
    const request = this.requests.getStore();
    const { parameters } = readParameters(request?.body);
    const { client_assertion } = parameters;
    if (request === undefined || client_assertion === undefined) return;
    const trace = this.trace(event, parameters);
    this.byRequest.set(request, trace);
    this.traces.push(trace);
    this.traces.splice(0, this.traces.length - this.limit);
    if (event.outcome !== 'success') return;
    this.lastUsed = client_assertion;
    this.used.push(client_assertion);
    this.used.splice(0, this.used.length - this.limit);
  }

  /** The trace of a request, if it had an assertion. */
  of(request: Request): Promise<Trace> | undefined {
    return this.byRequest.get(request);
  }

  /** The last assertion that was accepted. It is used up, so it is useless to a thief. */
  get lastUsedAssertion(): string | undefined {
    return this.lastUsed;
  }

  /**
   * Explains an assertion, also one that was never sent. It is not used up; of those that were, the
   * last ones are known.
   */
  async explain(parameters: ClientAssertionRequest['parameters']): Promise<Explanation> {
    const explanation = await this.explainAt(parameters);
    const { client_assertion } = parameters as { client_assertion?: unknown };
    if (!this.used.includes(String(client_assertion))) return explanation;
    const checks = explanation.checks.map((check) =>
      check.check === 'replay'
        ? ({ ...check, outcome: 'failed', reason: 'replayed' } as const)
        : check,
    );
    return { ...explanation, accepted: false, checks };
  }

  /** Explains an assertion as if its client had a key that somebody pasted. */
  explainWithKey(
    parameters: ClientAssertionRequest['parameters'],
    key: string,
  ): Promise<Explanation> {
    const validator = new ClientAssertionValidator(this.options, (clientId) => ({
      clientId,
      secrets: [secretOf(key)],
    }));
    return validator.explain({ ...this.server, parameters });
  }

  private explainAt(parameters: ClientAssertionRequest['parameters'], endpoint?: string) {
    return this.validator.explain({ ...this.server, endpoint, parameters });
  }

  /** The traces, the newest first. */
  list(): Promise<Trace[]> {
    return Promise.all(this.traces.toReversed());
  }

  private async trace(event: AuthenticationEvent, form: Parameters): Promise<Trace> {
    const { outcome, reason, endpoint } = event;
    const time = new Date().toISOString();
    const { client_assertion = '', client_id } = form;
    const { header, claims, checks } = await this.explainAt(
      { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE, client_id },
      endpoint,
    );
    return {
      time,
      endpoint,
      outcome,
      reason,
      header: isShallow(header) ? header : undefined,
      claims: isShallow(claims) ? claims : undefined,
      checks: checks.map((check) =>
        check.check === 'replay' ? { ...check, ...replayOutcome(event) } : check,
      ),
    };
  }
}
