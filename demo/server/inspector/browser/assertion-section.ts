import type { Explanation } from 'passport-private-key-jwt/explain';
import type { PageServer } from '../page.js';
import { byId, onPress } from './element.js';
import { explanationView } from './explanation-view.js';
import { damageOf, formOf, inspect } from './inspection.js';
import { checkAtServer, getLastAssertion } from './requests.js';
import { timeline } from './timeline.js';
import { verdictOf } from './words.js';

const now = (): number => Math.floor(Date.now() / 1000);

/** Takes apart what is pasted, here, and lets the server check its signature when asked to. */
export function startAssertionSection(server: PageServer): void {
  const text = byId('assertion', HTMLTextAreaElement);
  const verdict = byId('verdict', HTMLElement);
  const key = byId('key', HTMLTextAreaElement);
  const damage = byId('damage', HTMLElement);
  const output = byId('explanation', HTMLElement);
  const takeLast = byId('take-last', HTMLButtonElement);
  const checkSignature = byId('check-signature', HTMLButtonElement);

  let shown: Explanation | undefined;

  /** The clock goes on while somebody reads. */
  function tick(): void {
    const { claims } = shown ?? {};
    const times = output.querySelector('.times');
    if (claims !== undefined) times?.replaceWith(timeline(claims, now()));
  }

  function say(outcome: string, message: string): void {
    verdict.className = outcome;
    verdict.textContent = message;
  }

  function show(explanation: Explanation): void {
    const { outcome, text: message } = verdictOf(explanation, server);
    say(outcome, message);
    const isDamaged = explanation.claims === undefined && formOf(text.value).size === 2;
    damage.textContent = isDamaged ? damageOf(text.value.slice(0, 20_000)) : '';
    shown = explanation;
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
    damage.textContent = '';
    shown = undefined;
    output.replaceChildren();
  }

  async function pasteLast(): Promise<void> {
    const assertion = await getLastAssertion();
    text.value = assertion ?? '';
    showPasted();
    if (assertion === undefined) say('', 'The server has not accepted an assertion yet.');
  }

  async function checkPasted(): Promise<void> {
    const checked = text.value;
    const form = formOf(checked);
    // It would be enough to sign with: it stays here.
    if (/PRIVATE KEY|"(d|p|q|k)"\s*:/.test(key.value)) {
      say('failed', 'This is a private or shared key. Paste only the public key.');
      return;
    }
    if (key.value.trim() !== '') form.set('inspector_key', key.value.trim());
    const { accepted, checks } = await checkAtServer(form);
    // The user may have pasted something else meanwhile.
    if (text.value === checked) show({ ...inspect(formOf(checked), server), accepted, checks });
  }

  text.addEventListener('input', showPasted);
  onPress(takeLast, pasteLast, (message) => say('failed', message));
  onPress(checkSignature, checkPasted, (message) => say('failed', message));
  setInterval(tick, 1000);
  // A browser may keep the text when the page is loaded again.
  showPasted();
}
