import { randomInt } from 'node:crypto';
import { assertionForm, seconds, signAssertion } from '../../test/support/assertion.js';
import { type KeyPair, newKeyPair } from '../../test/support/keys.js';

/** A request to the token endpoint, and the only status that is a right answer to it. */
export interface SoakRequest {
  readonly kind: string;
  readonly form: string;
  readonly expected: number;
}

/** How long assertions are valid: short, so that entries expire as fast as they come. */
const LIFETIME = 10;
const CLIENTS = 50;
/** How many assertions that were accepted are kept to be sent again. */
const REMEMBERED = 2000;

/** Makes requests in the proportions of the soak: 6 valid, 2 replayed and 2 junk of 10. */
export class Requests {
  private readonly accepted: string[] = [];
  private readonly stranger = newKeyPair('ES256');
  private readonly pair: KeyPair;
  private readonly junk: readonly (() => Promise<SoakRequest>)[];

  constructor(pair: KeyPair) {
    this.pair = pair;
    const junk = (kind: string, expected: number, form: () => string | Promise<string>) => {
      return async () => ({ kind, expected, form: await form() });
    };
    this.junk = [
      junk('expired', 401, () => this.sign({ exp: seconds() - 100, iat: seconds() - 110 })),
      junk('wrong audience', 401, () => this.sign({ aud: 'https://other.example' })),
      junk('unknown client', 401, () => this.sign({ iss: 'nobody', sub: 'nobody' })),
      junk('another key', 401, () => this.sign({}, this.stranger)),
      junk('no JWT', 401, () => assertionForm('a.b.c').toString()),
      junk('too long', 401, () => assertionForm('x'.repeat(20_000)).toString()),
      junk('no type', 400, () => new URLSearchParams({ client_assertion: 'a.b.c' }).toString()),
    ];
  }

  async next(): Promise<SoakRequest> {
    const die = randomInt(10);
    const again = this.accepted[randomInt(REMEMBERED)];
    if (die >= 8) return (this.junk[randomInt(this.junk.length)] ?? this.next)();
    if (die >= 6 && again !== undefined) return { kind: 'replayed', form: again, expected: 401 };
    return { kind: 'valid', form: await this.sign({}), expected: 200 };
  }

  /** Notes that an assertion was accepted, so that it is sent again. */
  noteAccepted(form: string): void {
    if (this.accepted.length < REMEMBERED) this.accepted.push(form);
    else this.accepted[randomInt(REMEMBERED)] = form;
  }

  private async sign(claims: Record<string, unknown>, pair = this.pair): Promise<string> {
    const clientId = `client ${randomInt(CLIENTS)}`;
    const times = { iat: seconds(), exp: seconds() + LIFETIME };
    const assertion = await signAssertion(clientId, { pair, claims: { ...times, ...claims } });
    return assertionForm(assertion).toString();
  }
}
