// The peers against each other, without the broker: whatever fails here is not the broker's fault.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import { chromium, freePort, getJson, HttpBrowser } from './testing.mjs';

const SECRET = 'a-secret-that-only-the-tests-know';

test('an app signs a person in over plain HTTP and refreshes, introspects and revokes', async (t) => {
  const { rp } = await pair(t, { op: { refresh_tokens: true } });
  const tokens = await (await signIn(rp, 'ada', '?scope=openid email')).json();
  assert.equal(tokens.id_token_claims.sub, 'ada');
  assert.equal(tokens.userinfo.email, 'ada@example.test');
  const refreshed = await getJson(`${rp.url}/refresh?token=${tokens.refresh_token}`);
  assert.equal(refreshed.id_token_claims.sub, 'ada');
  const active = await getJson(`${rp.url}/introspect?token=${refreshed.access_token}`);
  assert.equal(active.active, true);
  await getJson(`${rp.url}/revoke?token=${refreshed.access_token}`);
  const revoked = await getJson(`${rp.url}/introspect?token=${refreshed.access_token}`);
  assert.equal(revoked.active, false);
});

for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  test(`an ID token signed with ${alg} is verified, and claims can sit inside it`, async (t) => {
    const { rp } = await pair(t, {
      op: { keys: [alg], claims_in_id_token: true, pkce: true, accounts: [{ sub: '1', email: 'ada@example.test', groups: ['staff'], userinfo: { locale: 'fr' } }] },
      client: { id_token_signed_response_alg: alg },
      rp: { id_token_signed_response_alg: alg },
    });
    const tokens = await (await signIn(rp, 'ada@example.test', '?scope=openid email groups profile')).json();
    const header = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url'));
    assert.equal(header.alg, alg);
    assert.deepEqual(tokens.id_token_claims.groups, ['staff']);
    assert.equal(tokens.id_token_claims.locale, undefined);
    assert.equal(tokens.userinfo.locale, 'fr');
  });
}

test('an app authenticates with private_key_jwt', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const named = async (key) => ({ ...await exportJWK(key), alg: 'ES256', kid: 'app-1' });
  const { op, rp } = await pair(t, {
    client: {
      client_secret: undefined,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [await named(publicKey)] },
    },
    rp: { token_endpoint_auth_method: 'private_key_jwt', private_jwk: await named(privateKey) },
  });
  const tokens = await (await signIn(rp, 'ada')).json();
  assert.equal(tokens.id_token_claims.sub, 'ada');
  const redeemed = (await getJson(`${op.issuer}/seen`)).find(({ route }) => route === 'token');
  assert.match(redeemed.params.client_assertion_type, /jwt-bearer$/);
  assert.equal(redeemed.authorization, undefined);
});

test('an app gets a token of its own with client_credentials', async (t) => {
  const { rp } = await pair(t, { client: { grant_types: ['client_credentials', 'authorization_code'] } });
  const tokens = await getJson(`${rp.url}/client-credentials`);
  assert.equal(tokens.token_type.toLowerCase(), 'bearer');
});

test('cancel and an unknown account come back as what they are', async (t) => {
  const { rp } = await pair(t, { op: { accounts: [{ sub: 'ada' }] } });
  const browser = new HttpBrowser();
  const page = await browser.follow(`${rp.url}/login`);
  const refused = await browser.submit(page, { login: 'eve' });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /unknown account/);
  const cancelled = await browser.follow(`${page.url}/cancel`);
  assert.equal(cancelled.status, 400);
  assert.equal((await cancelled.json()).error, 'access_denied');
});

test('a callback without the browser that started the sign-in is refused', async (t) => {
  const { rp } = await pair(t);
  const refused = await fetch(`${rp.url}/callback?state=invented&code=x`);
  assert.equal(refused.status, 400);
  assert.equal((await refused.json()).error, 'unknown_state');
});

test('a wrong client secret is reported with the OAuth error and its cause', async (t) => {
  const { rp } = await pair(t, { rp: { client_secret: 'wrong' } });
  const refused = await signIn(rp, 'ada');
  assert.equal(refused.status, 400);
  assert.equal((await refused.json()).error, 'invalid_client');
});

test('Chromium signs in through a form posted across sites, then out, and the app hears of it over the back channel', async (t) => {
  const { rp } = await pair(t, { op: { host: 'localhost' } });
  const seen = await chromium([
    { goto: `${rp.url}/login?response_mode=form_post` },
    { fill: ['input[name=login]', 'ada'] },
    { click: 'button[type=submit]' },
    { waitForUrl: '/callback' },
    { text: 'body' },
    { goto: `${rp.url}/login` },
    { waitForUrl: '/callback\\?' },
    { goto: `${rp.url}/logout` },
    { click: 'button[type=submit]' },
    { waitForUrl: '/logged-out' },
  ]);
  assert.deepEqual(seen.failure, undefined);
  assert.equal(JSON.parse(seen.texts[0]).id_token_claims.sub, 'ada');
  assert.ok(seen.documents.some(({ url, method }) => method === 'POST' && url === rp.redirect_uri));
  const [logout] = await getJson(`${rp.url}/backchannel`);
  assert.ok(logout.sid);
  assert.equal(logout.sub, 'ada');
});

test('Chromium reports violations of a content security policy, console errors and a failed step', async (t) => {
  const server = createServer((_req, res) => {
    res.setHeader('content-security-policy', "default-src 'none'");
    res.end('<!doctype html><title>Strict</title><body>strict<script>document.body.innerText = "ran"</script>');
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => server.close());
  const seen = await chromium({
    timeout: 1500,
    steps: [{ goto: `http://127.0.0.1:${server.address().port}/` }, { text: 'body' }, { click: '#absent' }],
  });
  assert.equal(seen.texts[0], 'strict');
  assert.equal(seen.csp_violations[0].directive, 'script-src-elem');
  assert.ok(seen.console_errors.length > 0);
  assert.equal(seen.ok, false);
  assert.equal(seen.failure.step, 2);
});

/** A provider and an app that know each other. */
async function pair(t, { op: opSettings, client, rp: rpSettings } = {}) {
  const port = await freePort();
  const rpUrl = `http://127.0.0.1:${port}`;
  const op = await start(t, 'op.mjs', {
    ...opSettings,
    clients: [{
      client_id: 'app',
      client_secret: SECRET,
      redirect_uris: [`${rpUrl}/callback`],
      post_logout_redirect_uris: [`${rpUrl}/logged-out`],
      backchannel_logout_uri: `${rpUrl}/backchannel`,
      backchannel_logout_session_required: true,
      grant_types: ['authorization_code', 'refresh_token'],
      ...client,
    }],
  });
  const rp = await start(t, 'rp.mjs', { port, issuer: op.issuer, client_id: 'app', client_secret: SECRET, ...rpSettings });
  return { op, rp };
}

async function start(t, script, settings) {
  const child = spawn(process.execPath, [peer(script), JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.on('data', (chunk) => { log += chunk; });
  for await (const line of createInterface(child.stdout)) return JSON.parse(line);
  throw new Error(`${script} did not start: ${log}`);
}

function peer(script) {
  return fileURLToPath(new URL(script, import.meta.url));
}

async function signIn(rp, login, query = '') {
  const browser = new HttpBrowser();
  return browser.submit(await browser.follow(`${rp.url}/login${query}`), { login });
}
