/** What goes into an element: a text is never read as HTML. */
export type Content = Node | string;

/** Makes an element. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>>,
  ...content: readonly Content[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...content);
  return made;
}

/** The element of the page with this id. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} with the id ${id}.`);
}

/**
 * Does something at each press of a button, once at a time, and says so if it fails. The button is
 * busy meanwhile.
 */
export function onPress(
  button: HTMLButtonElement,
  action: () => Promise<void>,
  say: (message: string) => void,
): void {
  button.addEventListener('click', async () => {
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    try {
      await action();
    } catch (error) {
      say(`Something went wrong: ${(error as Error).message}`);
    } finally {
      button.ariaBusy = 'false';
    }
  });
}
