import { AsyncLocalStorage } from 'node:async_hooks';
import type { Request, RequestHandler } from 'express';
import {
  type AuthenticationEvent,
  type CheckReport,
  CLIENT_ASSERTION_TYPE,
  type ClientAssertionOptions,
  ClientAssertionValidator,
  type JsonObject,
  type ServerIdentity,
} from 'passport-private-key-jwt';
import type { ClientsFile } from './clients/clients-file.js';
import { type Parameters, readParameters } from './parameters.js';

/** One authentication as it went: what the assertion said, and what became of each check. */
export interface Trace {
  readonly time: string;
  readonly endpoint: string | undefined;
  readonly outcome: AuthenticationEvent['outcome'];
  readonly reason: AuthenticationEvent['reason'];
  readonly header?: JsonObject | undefined;
  readonly claims?: JsonObject | undefined;
  readonly checks: readonly CheckReport[];
}

/** What became of the replay check, which explaining an assertion leaves out. */
function replayOutcome({ outcome, reason }: AuthenticationEvent): Partial<CheckReport> {
  if (outcome === 'success') return { outcome: 'passed' };
  return reason === 'replayed' ? { outcome: 'failed', reason } : {};
}

/**
 * Keeps the last authentications with every check, to learn and to debug by. It costs as much as
 * the authentication itself, and shows claims to whoever asks: not for production.
 */
export class Traces {
  /** Goes first on the endpoints: lets `note` know the request that an event is about. */
  readonly middleware: RequestHandler;
  private readonly requests = new AsyncLocalStorage<Request>();
  private readonly traces: Promise<Trace>[] = [];
  private readonly limit: number;
  private readonly server: ServerIdentity;
  private readonly validator: ClientAssertionValidator;

  constructor(
    limit: number,
    options: ClientAssertionOptions,
    server: ServerIdentity,
    clients: ClientsFile,
  ) {
    this.limit = limit;
    this.server = server;
    this.validator = new ClientAssertionValidator(options, (clientId) => clients.find(clientId));
    this.middleware = (request, _response, next) => this.requests.run(request, next);
  }

  /** Takes an event down, with the checks of the assertion that it is about. */
  note(event: AuthenticationEvent): void {
    const form: unknown = this.requests.getStore()?.body;
    const { parameters } = readParameters(form);
    if (parameters['client_assertion'] === undefined) return;
    this.traces.push(this.trace(event, parameters));
    this.traces.splice(0, this.traces.length - this.limit);
  }

  /** The traces, the newest first. */
  list(): Promise<Trace[]> {
    return Promise.all(this.traces.toReversed());
  }

  private async trace(event: AuthenticationEvent, form: Parameters): Promise<Trace> {
    const { outcome, reason, endpoint } = event;
    const time = new Date().toISOString();
    const { client_assertion = '', client_id } = form;
    const { header, claims, checks } = await this.validator.explain({
      ...this.server,
      endpoint,
      parameters: { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE, client_id },
    });
    const completed = checks.map((check) =>
      check.check === 'replay' ? { ...check, ...replayOutcome(event) } : check,
    );
    return { time, endpoint, outcome, reason, header, claims, checks: completed };
  }
}
