import { decodeJwt, decodeProtectedHeader } from 'jose';

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const indented = (value: unknown): string => JSON.stringify(value, null, 2).replaceAll(/^/gm, '  ');

/** Prints a JWT as it reads. Its signature is left out, so that what is printed is of no use. */
function printJwt(name: string, jwt: string): void {
  print(`${name}, header:\n${indented(decodeProtectedHeader(jwt))}`);
  print(`${name}, claims:\n${indented(decodeJwt(jwt))}`);
}

const isJwt = (value: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value);

/** Prints a request and its answer, with every JWT decoded and every other token left out. */
export async function printExchange(request: Request, response: Response): Promise<void> {
  print(`\n${request.method} ${request.url}`);
  const form = new URLSearchParams(await request.text());
  const assertion = form.get('client_assertion');
  if (assertion !== null) form.set('client_assertion', '(see below)');
  for (const [name, value] of form) print(`  ${name}=${value}`);
  if (assertion !== null) printJwt('client_assertion', assertion);

  print(`\n${response.status} ${response.statusText}`);
  const answer = (await response.json()) as Record<string, unknown>;
  const { access_token, ...rest } = answer;
  if (typeof access_token !== 'string') {
    print(indented(answer));
    return;
  }
  const readable = isJwt(access_token);
  print(indented({ access_token: readable ? '(see below)' : '(not shown)', ...rest }));
  if (readable) printJwt('access_token', access_token);
}
