import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkList } from '../../lib/net/addresses.js';
import {
  checkedTarget,
  describeUrl,
  hostOf,
  parseRemoteUrl,
  siteOf,
} from '../../lib/net/remote-url.js';

const LONGEST = `https://a.example/${'x'.repeat(2030)}`;

for (const url of [
  'https://a.example/keys?a=b',
  'https://127.0.0.1/',
  'http://localhost/',
  'http://localhost:8080/keys',
  'http://127.0.0.1/',
  'http://127.9.9.9:80/',
  'http://[::1]:8080/',
  LONGEST,
]) {
  test(`${url.slice(0, 40)} is a URL that may be called`, () => {
    assert.equal(parseRemoteUrl(url).href, new URL(url).href);
  });
}

const NO_URL = 'the value is not an absolute URL of at most 2048 characters';

const INVALID: readonly (readonly [unknown, string])[] = [
  [undefined, NO_URL],
  [7, NO_URL],
  [new URL('https://a.example'), NO_URL],
  ['', NO_URL],
  ['/keys', NO_URL],
  ['a.example/keys', NO_URL],
  [`${LONGEST}x`, NO_URL],
  ['http://a.example/', 'the URL is not https'],
  ['http://128.0.0.1/', 'the URL is not https'],
  ['ftp://localhost/', 'the URL is not https'],
  ['file:///keys', 'the URL is not https'],
  ['https://user@a.example/', 'the URL has credentials'],
  ['https://:password@a.example/', 'the URL has credentials'],
  ['https://a.example/#keys', 'the URL has a fragment'],
  ['https://a.example/#', 'the URL has a fragment'],
];

for (const [value, message] of INVALID) {
  test(`${String(value).slice(0, 40)} may not be called: ${message}`, () => {
    assert.throws(() => parseRemoteUrl(value), {
      name: 'FetchError',
      code: 'url_invalid',
      message,
    });
  });
}

test('a host is named without brackets, and a URL without its query', () => {
  assert.equal(hostOf(new URL('https://[::1]:8080/')), '::1');
  assert.equal(hostOf(new URL('https://a.example:8080/')), 'a.example');
  assert.equal(
    describeUrl(new URL('https://a.example:8080/keys?a=b#c')),
    'https://a.example:8080/keys',
  );
});

const SITES: readonly (readonly [unknown, string])[] = [
  ['https://a.example/', 'a.example'],
  ['https://x.y.a.example./', 'a.example'],
  ['https://shop.co.uk/', 'shop.co.uk'],
  ['https://x.shop.co.uk/', 'shop.co.uk'],
  ['https://x.shop.com.au/', 'shop.com.au'],
  ['https://x.shop.info.au/', 'info.au'],
  ['https://x.co.com/', 'co.com'],
  ['https://localhost/', 'localhost'],
  ['https://192.0.2.7/', '192.0.2.7'],
  ['https://[2001:db8::1]/', '2001:db8:0:0'],
  [undefined, ''],
  [7, ''],
  [new URL('https://a.example'), ''],
  ['a.example', ''],
];

test('a site is a registered domain with all its subdomains', () => {
  for (const [url, site] of SITES) {
    assert.equal(siteOf(url), site, String(url));
  }
});

test('the addresses of one network are one site', () => {
  assert.equal(siteOf('https://[2001:db8::1]/'), siteOf('https://[2001:db8::2]/'));
  assert.notEqual(siteOf('https://[2001:db8::1]/'), siteOf('https://[2001:db9::1]/'));
  assert.notEqual(siteOf('https://192.0.2.7/'), siteOf('https://198.51.100.7/'));
});

const networks = (...list: string[]) => ({ allowedNetworks: networkList('allowedNetworks', list) });
const NONE = networks();
const LOCAL = networks('localhost');
const OWN = networks('10.0.0.0/8');

const TARGETS: readonly (readonly [string, ReturnType<typeof networks>])[] = [
  ['https://a.example/', NONE],
  ['https://a.example:443/', NONE],
  ['https://a.example:1024/', NONE],
  ['https://a.example:65535/', NONE],
  ['https://8.8.8.8/', NONE],
  ['https://[2606:4700::1111]/', NONE],
  ['https://keycloak/', OWN],
  ['http://localhost/', LOCAL],
  ['http://localhost:80/', LOCAL],
  ['https://localhost:22/', LOCAL],
  ['http://127.0.0.1:8080/', LOCAL],
];

for (const [url, rules] of TARGETS) {
  test(`${url} is a target`, () => {
    assert.equal(checkedTarget(url, rules).href, new URL(url).href);
  });
}

const HTTP =
  "the URL is not https: allowedNetworks: ['localhost'] allows http to this machine, for development";
const dotless = (host: string) =>
  `the host ${host} has no dot, so it is not a public name: allowedNetworks can allow it`;
const port = (number: number) =>
  `port ${number}: only port 443 and ports from 1024 upwards are allowed`;

const FORBIDDEN: readonly (readonly [string, ReturnType<typeof networks>, string, string])[] = [
  ['http://localhost/', NONE, 'url_invalid', HTTP],
  ['http://127.0.0.1:8080/', OWN, 'url_invalid', HTTP],
  ['https://localhost/', NONE, 'url_invalid', dotless('localhost')],
  ['https://keycloak/', NONE, 'url_invalid', dotless('keycloak')],
  ['https://keycloak./', NONE, 'url_invalid', dotless('keycloak.')],
  ['https://a.example:22/', NONE, 'port_not_allowed', port(22)],
  ['https://a.example:80/', LOCAL, 'port_not_allowed', port(80)],
  ['https://a.example:1023/', OWN, 'port_not_allowed', port(1023)],
  ['https://keycloak:444/', OWN, 'port_not_allowed', port(444)],
];

for (const [url, rules, code, message] of FORBIDDEN) {
  test(`${url} is refused as a target: ${message}`, () => {
    assert.throws(() => checkedTarget(url, rules), { name: 'FetchError', code, message });
  });
}
