// The README's first command, and a person in Chromium who follows it: through with both demo providers, tokens on the screen.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];
const root = fileURLToPath(new URL('../../..', import.meta.url));
let demo;
let url;
let browser;

before(async () => {
  // DEMO names another way to start it, such as from the files of the image.
  const [program, ...options] = (process.env.DEMO ?? 'cargo run --release -- demo').split(' ');
  demo = spawn(program, options, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  for await (const line of createInterface({ input: demo.stdout })) {
    url = line.match(/https?:\/\/\S+/)?.[0];
    if (url) break;
  }
  assert.ok(url, 'the demo prints one address');
  demo.stdout.resume();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});

after(async () => {
  await browser?.close();
  if (demo && demo.exitCode === null) {
    // As a terminal does: cargo and the demo alike.
    process.kill(-demo.pid, 'SIGINT');
    await once(demo, 'exit');
  }
});

for (const [provider, person, claim] of [
  ['Demo Google', 'Ada Okafor', '"cognito:username": "Google_104728301945577210031"'],
  ['Demo Apple', 'Mei Tanaka', '"cognito:username": "SignInWithApple_001482.5f0c41d2a8b94c7e9d63.0917"'],
]) {
  test(`a newcomer is through with ${provider}`, async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    await page.getByText('Sign in', { exact: true }).first().click();
    await page.getByText(provider).click();
    await page.getByText(person).click();
    await page.getByText('Hello').waitFor();
    const text = await page.locator('body').innerText();
    assert.ok(text.includes(claim), text);
    assert.ok(new URL(page.url()).origin === new URL(url).origin);
  });
}
