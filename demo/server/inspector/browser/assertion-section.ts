import type { Explanation } from 'passport-private-key-jwt/explain';
import type { PageServer } from '../page.js';
import { byId, onPress } from './element.js';
import { explanationView } from './explanation-view.js';
import { formOf, inspect, verdictOf } from './inspection.js';
import { checkAtServer, getLastAssertion } from './requests.js';

const now = (): number => Math.floor(Date.now() / 1000);

/** Takes apart what is pasted, here, and lets the server check its signature when asked to. */
export function startAssertionSection(server: PageServer): void {
  const text = byId('assertion', HTMLTextAreaElement);
  const verdict = byId('verdict', HTMLElement);
  const output = byId('explanation', HTMLElement);
  const takeLast = byId('take-last', HTMLButtonElement);
  const checkSignature = byId('check-signature', HTMLButtonElement);

  function say(outcome: string, message: string): void {
    verdict.className = outcome;
    verdict.textContent = message;
  }

  function show(explanation: Explanation): void {
    const { outcome, text: message } = verdictOf(explanation);
    say(outcome, message);
    output.replaceChildren(...explanationView(explanation, now()));
  }

  function showPasted(): void {
    const explanation = inspect(formOf(text.value), server);
    checkSignature.disabled = explanation.claims === undefined;
    if (text.value.trim() !== '') {
      show(explanation);
      return;
    }
    say('', '');
    output.replaceChildren();
  }

  async function pasteLast(): Promise<void> {
    const assertion = await getLastAssertion();
    text.value = assertion ?? '';
    showPasted();
    if (assertion === undefined) say('', 'No assertion was accepted yet.');
  }

  async function checkPasted(): Promise<void> {
    const checked = text.value;
    const form = formOf(checked);
    const { accepted, checks } = await checkAtServer(form);
    // Whoever has pasted something else meanwhile wants to see that.
    if (text.value === checked) show({ ...inspect(form, server), accepted, checks });
  }

  text.addEventListener('input', showPasted);
  onPress(takeLast, pasteLast, (message) => say('failed', message));
  onPress(checkSignature, checkPasted, (message) => say('failed', message));
  // A browser may keep the text when the page is loaded again.
  showPasted();
}
