// The SAML peers against each other, without the broker: whatever fails here is not the broker's fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pair } from './saml-peers.mjs';
import { chromium, getJson, HttpBrowser } from './testing.mjs';

const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';
const ENCRYPTS = { simplesamlphp: { sp: { 'assertion.encryption': true } }, pysaml2: { encrypt: 'aes256-gcm' } };
const WANTS_SIGNED = {
  // The service provider's metadata says what it does; the IdP asks for more.
  simplesamlphp: { sp: { 'validate.authnrequest': true }, idp: { 'validate.authnrequest': true, 'redirect.validate': true } },
  pysaml2: { wants_signed_requests: true },
};

for (const kind of ['simplesamlphp', 'pysaml2']) {
  for (const binding of ['redirect', 'post']) {
    test(`${kind} signs a person in and out by the ${binding} binding`, async (t) => {
      const { sp, signIn } = await pair(t, kind);
      const browser = new HttpBrowser();
      const person = await shown(signIn(browser, `${sp.url}/login?binding=${binding}`, 'ada'));
      assert.equal(person.format, PERSISTENT);
      assert.deepEqual(person.attributes.mail, ['ada@example.test']);
      assert.equal(person.relay_state, 'relay-1');
      const again = await (await browser.follow(`${sp.url}/login`)).json();
      assert.equal(again.name_id, person.name_id);
      const out = await (await browser.follow(`${sp.url}/logout?binding=${binding}`)).json();
      assert.deepEqual(out, { logout: SUCCESS, relay_state: 'relay-2' });
      assert.match(await (await browser.follow(`${sp.url}/login`)).text(), /login/i);
    });
  }

  test(`${kind} encrypts its assertions`, async (t) => {
    const { sp, signIn } = await pair(t, kind, ENCRYPTS[kind]);
    const person = await shown(signIn(new HttpBrowser(), `${sp.url}/login`, 'ben'));
    assert.deepEqual(person.attributes.displayName, ['Ben & <Co>']);
    const [{ xml }] = await getJson(`${sp.url}/seen`);
    assert.match(xml, /EncryptedAssertion/);
    assert.doesNotMatch(xml, /AttributeStatement/);
  });

  test(`${kind} wants a signed request`, async (t) => {
    const signed = await pair(t, kind, WANTS_SIGNED[kind], { sign: true });
    const person = await shown(signed.signIn(new HttpBrowser(), `${signed.sp.url}/login`, 'ada'));
    assert.deepEqual(person.attributes.uid, ['ada']);
    const { sp } = await pair(t, kind, WANTS_SIGNED[kind], { sign: false });
    const refused = await (await new HttpBrowser().follow(`${sp.url}/login`)).text();
    assert.match(refused, /UNHANDLEDEXCEPTION|IncorrectlySigned/);
    assert.doesNotMatch(refused, /<input[^>]* name="(username|login)"/);
  });

  test(`${kind} signs in whom nobody asked for, and tells the service provider of a sign-out`, async (t) => {
    const { sp, idp, signIn } = await pair(t, kind);
    const browser = new HttpBrowser();
    const person = await shown(signIn(browser, idp.start(sp), 'ada'));
    assert.equal(person.in_response_to, null);
    assert.equal(person.relay_state, 'from-the-idp');
    await browser.follow(idp.signOut);
    const told = (await getJson(`${sp.url}/seen`)).find(({ message }) => message === 'LogoutRequest');
    assert.equal(told.name_id, person.name_id);
  });

  test(`${kind} signs a person in with Chromium`, async (t) => {
    const { sp, idp } = await pair(t, kind);
    const seen = await chromium([
      { goto: `${sp.url}/login` },
      ...Object.entries(idp.fields('ada')).map(([name, value]) => ({ fill: [`input[name=${name}]`, value] })),
      { click: 'button[type=submit]' },
      { waitForUrl: '/acs' },
      { text: 'body' },
    ]);
    assert.deepEqual(seen.failure, undefined);
    assert.equal(JSON.parse(seen.texts[0]).format, PERSISTENT);
  });
}

test('cancel comes back as a status that is no success', async (t) => {
  const { sp } = await pair(t, 'pysaml2');
  const browser = new HttpBrowser();
  const page = await browser.follow(`${sp.url}/login`);
  const refused = await browser.submit(page, {}, '/cancel');
  assert.match(await refused.text(), /AuthnFailed/);
});

/** What the service provider shows of a person. */
async function shown(signIn) {
  const answer = await signIn;
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text);
}
