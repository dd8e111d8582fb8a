import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { postForm } from '../../test/support/post-form.js';
import type { Keys } from '../assertions.js';
import { costInFlight } from '../harness/in-flight.js';
import type { Figures, Message } from './messages.js';

/** What requests cost. */
export interface RequestCost {
  /** Processor time of the server for each, in microseconds. */
  readonly cpu: number;
  /** Time that passed for each, in microseconds. */
  readonly wall: number;
  /** Of the server's event loop, in milliseconds. */
  readonly delayP99: number;
}

const SERVER = fileURLToPath(new URL('server.js', import.meta.url));

/** Servers in one process of their own, and what loads them. */
export class LoadedServers<Kind extends string> {
  private readonly child: ChildProcess;
  private readonly urls: Readonly<Record<string, string>>;
  private readonly agent: Agent;
  private readonly inFlight: number;

  private constructor(
    child: ChildProcess,
    urls: Readonly<Record<string, string>>,
    inFlight: number,
  ) {
    this.child = child;
    this.urls = urls;
    this.inFlight = inFlight;
    this.agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  }

  static async start<Kind extends string>(
    kinds: readonly Kind[],
    { alg, jwk }: Keys,
    inFlight: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<LoadedServers<Kind>> {
    const child = fork(SERVER, kinds, {
      env: {
        ...process.env,
        ...env,
        NODE_ENV: 'production',
        ALG: alg,
        CLIENT_JWK: JSON.stringify(jwk),
      },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const [message] = (await once(child, 'message')) as [Message];
    if (!('urls' in message)) throw new Error(`The servers ${kinds.join(', ')} have not started.`);
    return new LoadedServers(child, message.urls, inFlight);
  }

  /** Sends each form once to a server, and says what a request cost the process. */
  async load(kind: Kind, forms: readonly string[]): Promise<RequestCost> {
    const url = this.urls[kind] as string;
    await this.figures();
    const { wall } = await costInFlight(
      async (index) => {
        const status = await postForm(this.agent, url, forms[index] ?? '');
        if (status !== 200) throw new Error(`The server has answered ${status}.`);
      },
      forms.length,
      this.inFlight,
    );
    const { cpu, delayP99 } = await this.figures();
    return { cpu: cpu / forms.length, wall, delayP99 };
  }

  stop(): void {
    this.agent.destroy();
    this.child.kill();
  }

  private async figures(): Promise<Figures> {
    const answer = once(this.child, 'message');
    this.child.send('figures');
    const [message] = (await answer) as [Message];
    if (!('figures' in message)) throw new Error('The server has answered with something else.');
    return message.figures;
  }
}
