// Drives Debian's Chromium: steps in on stdin as JSON, what the browser saw out on stdout as one JSON line.
//
//   echo '[{"goto":"http://…"},{"fill":["input[name=login]","ada"]},{"click":"button"},{"text":"body"}]' | node browser.mjs
//
// Input: the steps, or {steps, javascript, locale, viewport: {width, height}, timeout} (milliseconds for each step). Steps:
//   {"goto": url}  {"fill": [selector, value]}  {"click": selector}  {"press": [selector, key]}
//   {"waitFor": selector}  {"waitForUrl": regexp}  {"text": selector}  {"screenshot": path}
//   {"tab": name}      continues in another tab of the same browser, opened when new
//   {"clearCookies": true}  {"back": true}  {"reload": true}
// Output: {ok, failure, url, title, texts, documents: [{url, status, method, cookies: [names sent]}], console_errors, csp_violations,
//   page_errors, failed_requests, cookies}; a step that fails ends the run with ok false and exit code 1.
import { text as readAll } from 'node:stream/consumers';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

const input = JSON.parse(await readAll(process.stdin));
const { steps, javascript = true, locale, viewport, timeout = 20_000 } = Array.isArray(input) ? { steps: input } : input;
const report = { ok: false, texts: [], documents: [], console_errors: [], csp_violations: [], page_errors: [], failed_requests: [] };
const tabs = new Map();
const cookiesSent = [];
let page;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
try {
  const context = await browser.newContext({ javaScriptEnabled: javascript, locale, viewport });
  context.setDefaultTimeout(timeout);
  await context.exposeBinding('reportCspViolation', (_source, violation) => { report.csp_violations.push(violation); });
  await context.addInitScript(watchCsp);
  context.on('page', observe);
  await openTab(context, 'first');
  for (const [index, step] of steps.entries()) {
    try {
      await perform(context, step);
    } catch (error) {
      report.failure = { step: index, ...step, message: error.message };
      break;
    }
  }
  report.ok = report.failure === undefined;
  await Promise.allSettled(cookiesSent);
  report.url = page.url();
  report.title = await page.title();
  report.cookies = await context.cookies();
  if (!report.ok) report.body = await page.locator('body').innerText().catch(() => undefined);
} finally {
  await browser.close();
}
console.log(JSON.stringify(report));
process.exitCode = report.ok ? 0 : 1;

async function perform(context, step) {
  const [[action, value]] = Object.entries(step);
  switch (action) {
    case 'goto': return page.goto(value);
    case 'fill': return page.fill(value[0], value[1]);
    case 'click':
      // Until its styles are there, a page shows buttons that nobody will see.
      await page.waitForLoadState();
      return page.click(value);
    case 'press': return page.press(value[0], value[1]);
    case 'waitFor': return page.waitForSelector(value);
    case 'waitForUrl': return page.waitForURL(new RegExp(value));
    case 'text': return report.texts.push(await page.innerText(value));
    case 'screenshot': return page.screenshot({ path: value, fullPage: true });
    case 'tab': return openTab(context, value);
    case 'clearCookies': return context.clearCookies();
    case 'back': return page.goBack();
    case 'reload': return page.reload();
    default: throw new Error(`no step is called ${action}`);
  }
}

async function openTab(context, name) {
  if (!tabs.has(name)) tabs.set(name, await context.newPage());
  page = tabs.get(name);
}

function observe(tab) {
  tab.on('console', (message) => {
    if (message.type() === 'error') report.console_errors.push(message.text());
  });
  tab.on('pageerror', (error) => report.page_errors.push(error.message));
  tab.on('requestfailed', (request) => {
    report.failed_requests.push({ url: request.url(), reason: request.failure()?.errorText });
  });
  tab.on('response', (response) => {
    const request = response.request();
    if (!request.isNavigationRequest()) return;
    const document = { url: response.url(), status: response.status(), method: request.method() };
    report.documents.push(document);
    cookiesSent.push(request.allHeaders().then(({ cookie = '' }) => {
      document.cookies = cookie.split('; ').filter(Boolean).map((pair) => pair.split('=')[0]);
    }));
  });
}

/** Runs in the page before its own scripts. */
function watchCsp() {
  addEventListener('securitypolicyviolation', (event) => {
    globalThis.reportCspViolation({
      document: event.documentURI, directive: event.effectiveDirective, blocked: event.blockedURI, sample: event.sample,
    });
  });
}
