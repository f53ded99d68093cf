// Starts a SAML service provider and an IdP that know each other.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from './testing.mjs';

/**
 * A service provider and an IdP of this kind that know each other, each with these settings over the usual ones; `t.after` ends them.
 * `signIn` opens the address in the browser, signs the person in at the IdP and resolves to the answer.
 */
export async function pair(t, kind, idpSettings = {}, spSettings = {}) {
  const [spPort, idpPort] = [await freePort(), await freePort()];
  const common = { port: idpPort, sp_metadata: `http://127.0.0.1:${spPort}/metadata`, directory: folder(t) };
  const idp = await (kind === 'pysaml2' ? pysaml2 : simplesamlphp)(t, { ...common, ...idpSettings });
  const sp = await start(t, python('pysaml2_sp.py', { port: spPort, idp_metadata: idp.metadata, directory: folder(t), ...spSettings }));
  const signIn = async (browser, url, login) => browser.submit(await browser.follow(url), idp.fields(login));
  return { sp, idp, signIn };
}

async function pysaml2(t, settings) {
  const { url, entity_id, metadata_url: metadata } = await start(t, python('pysaml2_idp.py', settings));
  return {
    entity_id,
    metadata,
    start: () => `${url}/start?RelayState=from-the-idp`,
    signOut: `${url}/sign-out`,
    fields: (login) => ({ login }),
  };
}

async function simplesamlphp(t, settings) {
  await start(t, ['php', peer('simplesamlphp.php'), JSON.stringify(settings)]);
  const url = `http://127.0.0.1:${settings.port}/saml2/idp`;
  return {
    entity_id: `${url}/metadata.php`,
    metadata: `${url}/metadata.php`,
    start: (sp) => `${url}/SSOService.php?${new URLSearchParams({ spentityid: sp.entity_id, RelayState: 'from-the-idp' })}`,
    signOut: `${url}/SingleLogoutService.php?ReturnTo=${encodeURIComponent(`http://127.0.0.1:${settings.port}/logout.php`)}`,
    fields: (login) => ({ username: login, password: login }),
  };
}

function python(script, settings) {
  return [peer('venv/bin/python'), peer(script), JSON.stringify(settings)];
}

/** Starts a peer and resolves to what its ready line says. */
async function start(t, [command, ...argument]) {
  const child = spawn(command, argument, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  const ready = (async () => { for await (const line of createInterface(child.stdout)) return JSON.parse(line); })();
  const started = new Promise((resolve) => {
    child.stderr.on('data', (chunk) => {
      log += chunk;
      if (/Development Server .* started/.test(log)) resolve({});
    });
    child.on('exit', () => resolve(undefined));
  });
  const first = await Promise.race([ready.then((line) => line ?? started), started]);
  assert.ok(first, `${argument[0]} did not start: ${log}`);
  return first;
}

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'symbolon-peer-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function peer(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}
