import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { FetchError, FetchErrorCode } from '../../lib/net/fetch-error.js';
import { type FetchedDocument, guardedFetch } from '../../lib/net/guarded-fetch.js';
import { documentCacheOptions, type FetchOptions } from '../../lib/net/options.js';
import { readOptions } from '../../lib/shared/options.js';
import { listen } from '../support/listen.js';
import {
  json,
  type NameTable,
  PUBLIC_ADDRESS,
  type RemoteHost,
  remoteHost,
  remoteOptions,
} from '../support/remote-host.js';

const ACCEPT = 'application/jwk-set+json, application/json';
const OPTIONS = documentCacheOptions({ maxBytes: 65_536, maxAge: 3600, maxStale: 900 });

async function start(t: TestContext, listener: RequestListener, address?: string) {
  const host = await remoteHost(listener, address === undefined ? {} : { address });
  t.after(() => host.close());
  return host;
}

async function get(
  url: string,
  { names = {}, ...options }: FetchOptions & { names?: NameTable } = {},
): Promise<FetchedDocument> {
  const given = { ...(await remoteOptions(names)), ...options };
  return guardedFetch(readOptions('test', given, OPTIONS), ACCEPT)(url);
}

const refused = (code: FetchErrorCode) => (error: FetchError) => {
  assert.equal(error.name, 'FetchError');
  assert.equal(error.code, code, error.message);
  return true;
};

test('a JSON document is fetched by https from a public address', async (t) => {
  const host = await start(
    t,
    json(() => ({ ok: true })),
  );
  const { value, freshFor } = await get(`${host.origin}/document`);
  assert.deepEqual(value, { ok: true });
  assert.equal(freshFor, undefined);
});

test('the request is a plain GET without credentials, cookies or compression', async (t) => {
  let seen: { method?: string | undefined; headers?: object } = {};
  const host = await start(t, (request, response) => {
    seen = { method: request.method, headers: request.headers };
    json(() => ({}))(request, response);
  });
  await get(`${host.origin}/document?a=b`);
  assert.deepEqual(seen, {
    method: 'GET',
    headers: {
      accept: ACCEPT,
      'accept-encoding': 'identity',
      connection: 'close',
      host: new URL(host.origin).host,
    },
  });
});

const SPECIAL_USE_ADDRESSES = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::7f00:1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456:789a::1',
  'fe80::1',
  'fe80::1%lo',
  'fec0::1',
  'ff02::1',
];

for (const address of SPECIAL_USE_ADDRESSES) {
  test(`a host with the address ${address} is not called (RFC 6890)`, async () => {
    const names = { 'inner.example': () => [address] };
    await assert.rejects(
      get('https://inner.example/document', { names }),
      refused('address_not_allowed'),
    );
  });
}

const SPELLINGS_OF_INNER_ADDRESSES = [
  'https://127.0.0.1/',
  'https://127.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://127.0.0.1./',
  'https://①②⑦.0.0.1/',
  'https://0/',
  'https://169.254.169.254/latest/meta-data',
  'https://[::1]/',
  'https://[::]/',
  'https://[0:0:0:0:0:ffff:7f00:1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::127.0.0.1]/',
  'https://[fd00::1]/',
  'https://[64:ff9b::127.0.0.1]/',
  'https://[2002:7f00:1::]/',
];

for (const url of SPELLINGS_OF_INNER_ADDRESSES) {
  test(`${url} is not called: addresses in URLs are checked however they are written`, async () => {
    await assert.rejects(get(url), refused('address_not_allowed'));
  });
}

const WRONG_URLS = [
  'client.example',
  '/document',
  'http://client.example/document',
  'ftp://client.example/document',
  'file:///etc/passwd',
  'data:application/json,{}',
  'javascript:alert(1)',
  'https://user@client.example/document',
  'https://user:password@client.example/document',
  'https://client.example/document#part',
  'https://client.example/document#',
  'https://[fe80::1%25lo]/',
  'https://client.example:99999/',
  'https://',
];

for (const url of WRONG_URLS) {
  test(`${url} is not a URL to fetch from`, async () => {
    await assert.rejects(get(url), refused('url_invalid'));
  });
}

test('a host with one public and one private address is not called', async (t) => {
  const host = await start(
    t,
    json(() => ({})),
  );
  for (const addresses of [
    [PUBLIC_ADDRESS, '10.0.0.1'],
    ['10.0.0.1', PUBLIC_ADDRESS],
  ]) {
    const names = { 'client.example': () => addresses };
    await assert.rejects(get(host.origin, { names }), refused('address_not_allowed'));
  }
  assert.equal(host.connections, 0);
});

test('a host whose address changes from public to private is called only at the public address', async (t) => {
  const inner = await start(
    t,
    json(() => ({ secret: true })),
    '127.0.0.1',
  );
  const answers = [[PUBLIC_ADDRESS], ['127.0.0.1'], ['127.0.0.1']];
  const names = { 'client.example': () => answers.shift() ?? [] };
  const url = `https://client.example:${inner.port}/document`;
  await assert.rejects(get(url, { names }), refused('connection_failed'));
  await assert.rejects(get(url, { names }), refused('address_not_allowed'));
  assert.equal(answers.length, 1, 'each fetch asks once, and connects to what it was told');
  assert.equal(inner.connections, 0);
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect to an inner address is not followed (status ${status})`, async (t) => {
    const inner = await start(
      t,
      json(() => ({ secret: true })),
      '127.0.0.1',
    );
    const host = await start(t, (_request, response) => {
      response.writeHead(status, { location: `https://127.0.0.1:${inner.port}/` }).end();
    });
    await assert.rejects(get(host.origin), refused('redirect_refused'));
    assert.equal(inner.connections, 0);
  });
}

for (const status of [201, 204, 206, 400, 404, 429, 500, 503]) {
  test(`status ${status} is an error: only 200 is accepted`, async (t) => {
    const host = await start(t, (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
    await assert.rejects(get(host.origin), refused('status_not_ok'));
  });
}

const endless = (declared: Record<string, string> = {}): RequestListener => {
  const chunk = Buffer.alloc(65_536, ' ');
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...declared });
    let sent = 0;
    const more = () => {
      while (sent < 10_485_760) {
        sent += chunk.length;
        if (!response.write(chunk)) return response.once('drain', more);
      }
      return response.end();
    };
    more();
  };
};

test('a body of 10 MB is not read to its end', async (t) => {
  let read = 0;
  const host = await start(t, (request, response) => {
    request.socket.on('close', () => {
      read = request.socket.bytesWritten;
    });
    endless()(request, response);
  });
  await assert.rejects(get(host.origin), refused('body_too_large'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(read < 8_000_000, `${read} bytes were sent`);
});

test('a body that announces 10 MB is not read at all', async (t) => {
  const host = await start(t, endless({ 'content-length': '10485760' }));
  await assert.rejects(get(host.origin), refused('body_too_large'));
});

test('a body of exactly maxBytes is read; one byte more is refused', async (t) => {
  const host = await start(t, (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('1'.padEnd(Number(request.url?.slice(1))));
  });
  assert.equal((await get(`${host.origin}/100`, { maxBytes: 100 })).value, 1);
  await assert.rejects(get(`${host.origin}/101`, { maxBytes: 100 }), refused('body_too_large'));
});

const SLOW: Record<string, RequestListener> = {
  'does not answer': () => undefined,
  'sends its head a header at a time': (request) => {
    request.socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => request.socket.write('x-more: 1\r\n'), 20);
    request.socket.on('close', () => clearInterval(timer));
  },
  'sends its body a byte at a time': (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  },
  'sends early hints without end': (_request, response) => {
    const timer = setInterval(() => response.writeProcessing(), 20);
    response.on('close', () => clearInterval(timer));
  },
};

for (const [how, listener] of Object.entries(SLOW)) {
  test(`a fetch from a server that ${how} ends after the timeout`, async (t) => {
    const host = await start(t, listener);
    await assert.rejects(get(host.origin, { timeout: 0.3 }), refused('timeout'));
  });
}

test('a fetch ends after the timeout if the name server does not answer', async () => {
  const silent = () => undefined;
  await assert.rejects(
    Promise.race([
      get('https://client.example/', { lookup: silent, timeout: 0.2 }),
      new Promise((resolve) => setTimeout(resolve, 5000)),
    ]),
    refused('timeout'),
  );
});

for (const [type, accepted] of [
  ['application/json', true],
  ['application/json; charset=utf-8', true],
  ['Application/JSON', true],
  ['application/jwk-set+json', true],
  ['text/plain', false],
  ['text/html', false],
  ['application/jsonp', false],
  ['image/png', false],
] as const) {
  test(`Content-Type ${type} is ${accepted ? 'read' : 'refused'}`, async (t) => {
    const host = await start(
      t,
      json(() => ({ ok: true }), { 'content-type': type }),
    );
    if (accepted) assert.deepEqual((await get(host.origin)).value, { ok: true });
    else await assert.rejects(get(host.origin), refused('content_type_not_json'));
  });
}

test('a compressed body is refused: it was not asked for, and may be a bomb', async (t) => {
  const host = await start(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(gzipSync('{}'));
  });
  await assert.rejects(get(host.origin), refused('content_encoding_refused'));
});

for (const [what, body] of [
  ['nothing', ''],
  ['half of it', '{"keys": ['],
  ['HTML', '<!doctype html>'],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
] as const) {
  test(`a body of ${what} is not JSON`, async (t) => {
    const host = await start(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    await assert.rejects(get(host.origin), refused('body_not_json'));
  });
}

for (const [count, accepted] of [
  [100, true],
  [101, false],
] as const) {
  test(`${count} interim answers (RFC 9110 §15.2): ${accepted ? 'read' : 'refused'}`, async (t) => {
    const host = await start(t, (request, response) => {
      for (let sent = 0; sent < count; sent += 1) response.writeProcessing();
      json(() => ({}))(request, response);
    });
    if (accepted) {
      assert.deepEqual((await get(`${host.origin}/`)).value, {});
      return;
    }
    await assert.rejects(get(`${host.origin}/`), {
      code: 'connection_failed',
      message: `${host.origin}/: it sends more than 100 answers with status 1xx`,
    });
  });
}

test('a server that sends interim answers without end is disconnected', async (t) => {
  let disconnected = (): void => undefined;
  const ended = new Promise<void>((resolve) => (disconnected = resolve));
  const host = await start(t, (request, response) => {
    const timer = setInterval(() => response.writeProcessing(), 1);
    request.socket.on('close', () => {
      clearInterval(timer);
      disconnected();
    });
  });
  await assert.rejects(get(host.origin), refused('connection_failed'));
  await ended;
});

test('a server that answers with another protocol is refused (RFC 9110 §15.2.2)', async (t) => {
  const host = await start(t, ({ socket }) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
  });
  await assert.rejects(get(host.origin), {
    code: 'connection_failed',
    message: `${host.origin}/: the connection was closed`,
  });
});

test('the connection of an answer that is refused is closed at once', async (t) => {
  let disconnected = (): void => undefined;
  const ended = new Promise<void>((resolve) => (disconnected = resolve));
  const host = await start(t, (request, response) => {
    request.socket.on('close', disconnected);
    response.writeHead(404).write('not to its end');
  });
  await assert.rejects(get(host.origin), refused('status_not_ok'));
  await ended;
});

test('a connection that is cut off in the middle is an error', async (t) => {
  const host = await start(t, (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{', () => request.socket.destroy());
  });
  await assert.rejects(get(host.origin), refused('connection_failed'));
});

test('a server with an untrusted certificate is refused', async (t) => {
  const host = await start(
    t,
    json(() => ({})),
  );
  await assert.rejects(get(host.origin, { ca: undefined }), {
    code: 'connection_failed',
    message: /: (UNABLE_TO_\w+|SELF_SIGNED_CERT_\w+): the option ca can trust its authority$/,
  });
});

test('a certificate for another name is refused', async (t) => {
  const host = await start(
    t,
    json(() => ({})),
  );
  const url = `https://other.example:${host.port}/`;
  await assert.rejects(get(url), refused('connection_failed'));
});

test('NODE_TLS_REJECT_UNAUTHORIZED does not turn the check of certificates off', async (t) => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.after(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
  const host = await start(
    t,
    json(() => ({})),
  );
  await assert.rejects(get(host.origin, { ca: undefined }), refused('connection_failed'));
});

test('proxies of the environment are not used', async (t) => {
  const proxy = await listen((_request, response) => response.end());
  t.after(() => proxy.close());
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
    process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : proxy.url;
    t.after(() => delete process.env[name]);
  }
  const host = await start(
    t,
    json(() => ({ direct: true })),
  );
  assert.deepEqual((await get(host.origin)).value, { direct: true });
});

test('every fetch opens its own connection, whose address is checked', async (t) => {
  const host = await start(
    t,
    json(() => ({})),
  );
  await get(host.origin);
  await get(host.origin);
  assert.equal(host.connections, 2);
});

for (const port of [22, 25, 80, 445]) {
  test(`port ${port} is not called`, async () => {
    const url = `https://client.example:${port}/`;
    await assert.rejects(get(url), refused('port_not_allowed'));
  });
}

test('http to this machine needs localhost among allowedNetworks', async (t) => {
  const connections: unknown[] = [];
  const local = await listen((request, response) => {
    connections.push(request.headers.connection);
    json(() => ({ local: true }))(request, response);
  });
  t.after(() => local.close());
  await assert.rejects(get(local.url), refused('url_invalid'));
  const { value } = await get(local.url, { allowedNetworks: ['localhost'] });
  assert.deepEqual(value, { local: true });
  assert.deepEqual(connections, ['close']);
});

test('localhost in allowedNetworks allows only this machine', async () => {
  const options = { allowedNetworks: ['localhost'] };
  for (const [url, code] of [
    ['http://client.example/', 'url_invalid'],
    ['http://10.0.0.1/', 'url_invalid'],
    ['https://10.0.0.1/', 'address_not_allowed'],
    ['https://[fe80::1]/', 'address_not_allowed'],
  ] as const) {
    await assert.rejects(get(url, options), refused(code), url);
  }
});

test('http to localhost does not leave this machine, whatever localhost resolves to', async () => {
  const names = { localhost: () => [PUBLIC_ADDRESS, '8.8.8.8'] };
  await assert.rejects(
    get('http://localhost:8080/', { names, allowedNetworks: ['localhost'] }),
    refused('address_not_allowed'),
  );
});

test('allowedNetworks allows a private network, only with https and only its own addresses', async (t) => {
  const host = await start(
    t,
    json(() => ({ inner: true })),
    '127.8.0.1',
  );
  const names = { 'client.example': () => ['127.8.0.1'] };
  const options = { names, allowedNetworks: ['127.8.0.0/16', 'fd00::/8'] };
  assert.deepEqual((await get(host.origin, options)).value, { inner: true });
  await assert.rejects(get('https://127.9.0.1/', options), refused('address_not_allowed'));
  await assert.rejects(get('http://127.8.0.1/', options), refused('url_invalid'));
});

test('an error says where and why, without the query and without the body that came', async (t) => {
  const host: RemoteHost = await start(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('a secret of the server');
  });
  await assert.rejects(get(`${host.origin}/jwks?token=abc`), (error: FetchError) => {
    assert.equal(error.message, `${host.origin}/jwks: it is not JSON`);
    assert.equal(error.cause, undefined);
    return true;
  });
});

test('an error keeps nothing that the server sent: no packet and no certificate', async (t) => {
  const junk: RequestListener = ({ socket }) => socket.end('a packet of the server'.repeat(1000));
  const talkative = await start(t, junk);
  const misnamed = await remoteHost(junk, { name: 'other.example' });
  t.after(() => misnamed.close());
  for (const [url, code, detail] of [
    [talkative.origin, 'connection_failed', /HPE_\w+$/],
    [
      misnamed.origin.replace('other', 'client'),
      'connection_failed',
      /ERR_TLS_CERT_ALTNAME_INVALID$/,
    ],
    ['https://unknown.invalid', 'name_not_resolved', /ENOTFOUND\)$/],
  ] as const) {
    await assert.rejects(get(url), (error: FetchError) => {
      assert.equal(error.code, code);
      assert.match(error.message, detail);
      assert.deepEqual(Object.getOwnPropertyNames(error).sort(), [
        'answered',
        'code',
        'help',
        'message',
        'name',
        'stack',
      ]);
      return true;
    });
  }
});

for (const [name, options] of Object.entries({
  'an address instead of a network': { allowedNetworks: ['10.0.0.1'] },
  'a text instead of networks': { allowedNetworks: '10.0.0.0/8' },
  'a network with too many bits': { allowedNetworks: ['10.0.0.0/64'] },
  'a file name for ca': { ca: '/etc/ssl/ca.pem' },
  'a timeout of 0': { timeout: 0 },
  'maxBytes of 0': { maxBytes: 0 },
  'a lookup that is no function': { lookup: '8.8.8.8' },
  'a name instead of a network': { allowedNetworks: ['localhost:3000'] },
})) {
  test(`an invalid option is refused at once: ${name}`, () => {
    assert.throws(() => readOptions('test', options, OPTIONS), TypeError);
  });
}
