import type { Exchange } from '../exchange.js';
import type { Sequence } from '../sequences.js';
import { nameOf } from './captions.js';
import { byId, element, onPress } from './element.js';
import { formOf } from './inspection.js';
import { describeReason } from './page-server.js';
import { getLastAssertion, getSequences, type Refusal, sendToTokenEndpoint } from './requests.js';
import { exchangeItem } from './sequence-view.js';

/** What the client was told, and what the operator knows. */
function newsOf({ status, error, error_description }: Refusal, exchange?: Exchange): string {
  const told = `The client sees: ${status} ${error}, “${error_description}”`;
  const reason = exchange?.authentication?.reason;
  if (reason === undefined) return told;
  const known = `The operator sees: ${reason}, “${describeReason(reason)}”`;
  const hint = 'To see how a replay is refused, log in again and press the button at once.';
  return [told, known, ...(reason === 'replayed' ? [] : [hint])].join('\n');
}

/** Shows the requests that the server took down, and sends an assertion again. */
export function startSequenceSection(): void {
  const select = byId('sequence', HTMLSelectElement);
  const reload = byId('reload', HTMLButtonElement);
  const sendAgain = byId('send-again', HTMLButtonElement);
  const news = byId('news', HTMLElement);
  const list = byId('exchanges', HTMLOListElement);
  let sequences: readonly Sequence[] = [];

  function showSelected(opened?: Exchange): void {
    const { exchanges = [] } = sequences.find(({ id }) => String(id) === select.value) ?? {};
    const items = exchanges.map((exchange) => exchangeItem(exchange, exchange === opened));
    list.replaceChildren(...items);
  }

  async function load(): Promise<void> {
    const loaded = await getSequences();
    // What is open stays open.
    if (JSON.stringify(loaded) === JSON.stringify(sequences)) return;
    sequences = loaded;
    select.replaceChildren(
      ...sequences.map(({ id, exchanges }) =>
        element('option', { value: String(id) }, nameOf(exchanges)),
      ),
    );
    showSelected();
  }

  const say = (message: string): void => {
    news.textContent = message;
  };

  async function reloadAll(): Promise<void> {
    await load();
    say('The list is up to date.');
  }

  async function sendLastAgain(): Promise<void> {
    const assertion = await getLastAssertion();
    if (assertion === undefined) {
      say('The server has not accepted an assertion yet.');
      return;
    }
    const form = formOf(assertion);
    form.set('grant_type', 'client_credentials');
    const refusal = await sendToTokenEndpoint(form);
    await load();
    const exchange = sequences[0]?.exchanges.findLast(({ authentication }) => authentication);
    showSelected(exchange);
    say(newsOf(refusal, exchange));
  }

  select.addEventListener('change', () => showSelected());
  onPress(reload, reloadAll, say);
  onPress(sendAgain, sendLastAgain, say);
  // The user may have logged in in another tab.
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) load().catch(() => {});
  });
  load().catch(() => say('The requests could not be loaded.'));
}
