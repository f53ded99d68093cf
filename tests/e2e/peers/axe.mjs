// Looks at HTML files with axe-core in Debian's Chromium, and at the width of what is shown.
//
//   echo '{"files":["/…/sign-in.en.light.html"]}' | node axe.mjs
//
// Input: {files, screenshots, theme}: the folder for pictures at 1280 and 320 pixels, if wanted; what the person prefers, light or dark. Output, one JSON line:
//   {ok, looked, findings: [{file, rule, impact, help, targets}], overflows: [{file, width}], unfocusable: [file]}
// A page overflows when it is wider than 320 CSS pixels (WCAG 1.4.10); twice the zoom at 640 pixels is the same layout.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'];

const { files, screenshots, theme } = JSON.parse(await readAll(process.stdin));
const report = { ok: false, looked: 0, findings: [], overflows: [], unfocusable: [] };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
try {
  const page = await (await browser.newContext({ colorScheme: theme ?? 'light' })).newPage();
  for (const path of files) {
    const file = basename(path);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(pathToFileURL(path).href);
    await page.evaluate(axe);
    const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: 'tag', values } }), TAGS);
    for (const { id, impact, help, nodes } of violations) {
      report.findings.push({ file, rule: id, impact, help, targets: nodes.map((node) => node.target.join(' ')) });
    }
    if (!(await everythingIsReached(page))) report.unfocusable.push(file);
    if (screenshots) await page.screenshot({ path: join(screenshots, `${file}.1280.png`), fullPage: true });
    await page.setViewportSize({ width: 320, height: 640 });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > 320) report.overflows.push({ file, width });
    if (screenshots) await page.screenshot({ path: join(screenshots, `${file}.320.png`), fullPage: true });
    report.looked += 1;
  }
  report.ok = true;
} finally {
  await browser.close();
}
console.log(JSON.stringify(report));

/** The Tab key alone comes to every control, each with an outline that shows. */
async function everythingIsReached(page) {
  const controls = await page.locator('a:visible, button:visible, input:visible:not([type=hidden]), select:visible, summary:visible, [tabindex="0"]:visible').count();
  const seen = new Set();
  for (let press = 0; press < controls; press += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const outlined = element !== document.body && getComputedStyle(element).outlineStyle !== 'none';
      return outlined ? [...document.querySelectorAll('*')].indexOf(element) : -1;
    });
    if (at !== -1) seen.add(at);
  }
  return seen.size === controls;
}
