// What the self-tests of the peers share.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { text as readAll } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** Runs steps of `browser.mjs` in Chromium. */
export async function chromium(input) {
  const script = fileURLToPath(new URL('browser.mjs', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(input));
  return JSON.parse(await readAll(child.stdout));
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

export async function getJson(url) {
  const response = await fetch(url);
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return body;
}

/** Cookies, redirects, forms and what SAML posts by itself: as much of a browser as the sign-in pages need. */
export class HttpBrowser {
  #cookies = new Map();

  async follow(url, options = {}) {
    const response = await fetch(url, {
      ...options,
      redirect: 'manual',
      headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value) this.#cookies.set(name, value);
      else this.#cookies.delete(name);
    }
    const location = response.headers.get('location');
    if (location) return this.follow(new URL(location, url));
    const form = formsOf(await response.clone().text()).find(({ fields }) => fields.SAMLRequest || fields.SAMLResponse);
    return form ? this.#send(response, form, {}) : response;
  }

  /** Sends the page's form, or the one with this action. */
  async submit(page, fields, action) {
    const form = formsOf(await page.text()).find((one) => action === undefined || one.action === action);
    return this.#send(page, form, fields);
  }

  #send(page, { action, fields }, filled) {
    return this.follow(new URL(action, page.url), { method: 'POST', body: new URLSearchParams({ ...fields, ...filled }) });
  }
}

function formsOf(html) {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, tag, body]) => ({
    action: attribute(tag, 'action'),
    fields: Object.fromEntries([...body.matchAll(/<input\b([^>]*)>/g)]
      .map(([, input]) => [attribute(input, 'name'), attribute(input, 'value')])
      .filter(([name]) => name)),
  }));
}

function attribute(tag, name) {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '';
  return value.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replaceAll('&amp;', '&');
}
