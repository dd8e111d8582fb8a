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
  /** How many were answered in a second. */
  readonly perSecond: number;
  /** Of the server's event loop, in milliseconds. */
  readonly delayP99: number;
}

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));

/** A server in a process of its own, and what loads it. */
export class LoadedServer {
  private readonly child: ChildProcess;
  private readonly url: string;
  private readonly agent: Agent;
  private readonly inFlight: number;

  private constructor(child: ChildProcess, url: string, inFlight: number) {
    this.child = child;
    this.url = url;
    this.inFlight = inFlight;
    this.agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  }

  static async start(
    kind: string,
    { alg, jwk }: Keys,
    inFlight: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<LoadedServer> {
    const child = fork(SERVER, [kind], {
      execArgv: ['--import', 'tsx', '--no-warnings'],
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
    if (!('url' in message)) throw new Error(`The server ${kind} has not started.`);
    return new LoadedServer(child, message.url, inFlight);
  }

  /** Sends each form once, and says what a request cost the server. */
  async load(forms: readonly string[]): Promise<RequestCost> {
    await this.figures();
    const { wall } = await costInFlight(
      async (index) => {
        const status = await postForm(this.agent, this.url, forms[index] ?? '');
        if (status !== 200) throw new Error(`The server has answered ${status}.`);
      },
      forms.length,
      this.inFlight,
    );
    const { cpu, delayP99 } = await this.figures();
    return { cpu: cpu / forms.length, perSecond: 1e6 / wall, delayP99 };
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
