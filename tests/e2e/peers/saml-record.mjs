// Writes what the SAML IdPs really answer into a folder, for tests that verify it without them.
//
//   node saml-record.mjs ../../fixtures/saml/recorded
//
// makes one file per answer, the certificates of the IdPs, the key of the service provider, and recorded.json, which says for each
// answer who sent it to whom, when, and what pysaml2's service provider read in it.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pair } from './saml-peers.mjs';
import { getJson, HttpBrowser } from './testing.mjs';

const NAME_ID = 'urn:oasis:names:tc:SAML:2.0:nameid-format:';
const signs = (response, assertion) => ({ 'saml20.sign.response': response, 'saml20.sign.assertion': assertion });
const ANSWERS = [
  ['simplesamlphp', 'both-signed', { idp: { sp: signs(true, true) } }],
  ['simplesamlphp', 'response-signed', { idp: { sp: signs(true, false) } }],
  ['simplesamlphp', 'assertion-signed', { idp: { sp: signs(false, true) } }],
  ['simplesamlphp', 'unsigned', { idp: { sp: signs(false, false) } }],
  ['simplesamlphp', 'both-signed-encrypted-aes128-cbc', { idp: { sp: { 'assertion.encryption': true, ...signs(true, true) } } }],
  ['simplesamlphp', 'response-signed-encrypted-aes128-cbc', { idp: { sp: { 'assertion.encryption': true, ...signs(true, false) } } }],
  ['simplesamlphp', 'assertion-signed-encrypted-aes128-cbc', { idp: { sp: { 'assertion.encryption': true, ...signs(false, true) } } }],
  ['simplesamlphp', 'rsa-sha1', { idp: { sp: { 'signature.algorithm': 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' } } }],
  ['simplesamlphp', 'rsa-sha512', { idp: { sp: { 'signature.algorithm': 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512' } } }],
  ['simplesamlphp', 'encrypted-name-id', { idp: { sp: { 'nameid.encryption': true } } }],
  ['simplesamlphp', 'transient', { idp: { sp: { NameIDFormat: `${NAME_ID}transient` } }, sp: { name_id: 'transient' } }],
  ['simplesamlphp', 'idp-initiated', { start: true }],
  ['pysaml2', 'both-signed', {}],
  ['pysaml2', 'response-signed', { idp: { sign: ['response'] } }],
  ['pysaml2', 'assertion-signed', { idp: { sign: ['assertion'] } }],
  ['pysaml2', 'unsigned', { idp: { sign: [] } }],
  ['pysaml2', 'both-signed-encrypted-aes256-gcm', { idp: { encrypt: 'aes256-gcm' } }],
  ['pysaml2', 'response-signed-encrypted-aes128-gcm', { idp: { encrypt: 'aes128-gcm', sign: ['response'] } }],
  ['pysaml2', 'assertion-signed-encrypted-aes256-cbc', { idp: { encrypt: 'aes256-cbc', sign: ['assertion'] } }],
  ['pysaml2', 'both-signed-encrypted-tripledes-cbc', { idp: { encrypt: 'tripledes-cbc' } }],
  ['pysaml2', 'rsa-sha1', { idp: { signature: 'rsa-sha1' } }],
  ['pysaml2', 'basic-names', { idp: { attributes: 'basic', name_id: 'email' }, sp: { name_id: 'email' }, login: 'ben' }],
  ['pysaml2', 'idp-initiated', { start: true }],
  ['pysaml2', 'cancelled', { cancel: true }],
];

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const keys = Object.fromEntries(['simplesamlphp', 'pysaml2', 'sp'].map((name) => [name, mkdtempSync(join(tmpdir(), 'symbolon-record-'))]));
const recorded = [];
for (const [kind, variant, options] of ANSWERS) {
  const ends = [];
  try {
    recorded.push(await record({ after: (end) => ends.push(end) }, kind, variant, options));
  } finally {
    ends.forEach((end) => end());
  }
}
writeFileSync(join(folder, 'recorded.json'), `${JSON.stringify(recorded, null, 2)}\n`);
copyFileSync(join(keys.simplesamlphp, 'cert/idp.crt'), join(folder, 'simplesamlphp.crt'));
copyFileSync(join(keys.pysaml2, 'pysaml2-idp.crt'), join(folder, 'pysaml2.crt'));
copyFileSync(join(keys.sp, 'pysaml2-sp.pem'), join(folder, 'sp.pem'));
Object.values(keys).forEach((path) => rmSync(path, { recursive: true }));

async function record(t, kind, variant, { idp: idpSettings, sp: spSettings, login = 'ada', start = false, cancel = false }) {
  const { sp, idp, signIn } = await pair(
    t, kind, { ...idpSettings, directory: keys[kind] }, { ...spSettings, directory: keys.sp },
  );
  const browser = new HttpBrowser();
  const address = start ? idp.start(sp) : `${sp.url}/login`;
  const answer = cancel
    ? await browser.submit(await browser.follow(address), {}, '/cancel')
    : await signIn(browser, address, login);
  const now = Math.floor(Date.now() / 1000);
  const read = answer.status === 200 ? await answer.json() : {};
  const response = (await getJson(`${sp.url}/seen`)).find(({ message }) => message === 'Response');
  const file = `${kind}-${variant}.xml`;
  writeFileSync(join(folder, file), response.xml);
  return {
    file,
    certificate: `${kind}.crt`,
    idp: idp.entity_id,
    audience: sp.entity_id,
    acs: `${sp.url}/acs`,
    in_response_to: read.in_response_to ?? /InResponseTo="([^"]+)"/.exec(response.xml)?.[1] ?? null,
    now,
    name_id: read.name_id ?? null,
    format: read.format ?? null,
    attributes: read.attributes ?? null,
  };
}
