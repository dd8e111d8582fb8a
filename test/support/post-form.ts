import { type Agent, request } from 'node:http';

/** Posts a form; the status of the answer, or the code of the error where there was none. */
export const postForm = (agent: Agent, url: string, form: string): Promise<number | string> =>
  new Promise((resolve) => {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': form.length,
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(form);
  });
