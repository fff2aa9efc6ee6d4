// What the tests share: one browser per file, a fresh page and a fresh server per test.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { FakeServer } from "./fake_server.mjs";

const require = createRequire(join(process.env.TERN_WEB, "package.json"));
const { chromium } = require("playwright-core");
const WAIT_MS = 5000;
// The browser's own sandbox does not work for root.
const AS_ROOT = process.getuid() === 0 ? ["--no-sandbox"] : [];

let browser;
before(async () => (browser = await chromium.launch({ executablePath: process.env.TERN_CHROMIUM, args: AS_ROOT })));
after(() => browser?.close());

// Everything that must not happen on any page: errors, violations of the policy, requests to elsewhere, dialogs.
function watch(page, url, problems) {
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => /Content Security Policy|TrustedHTML/.test(message.text()) && problems.push(message.text()));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) problems.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => (problems.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
}

export async function openPage(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const problems = [];
  watch(page, url, problems);
  await page.goto(url);
  return { page, context, problems };
}

// A test of the page against a fake server; `body` gets both.
export function pageTest(name, body, options = {}) {
  test(name, { timeout: 30_000 }, async () => {
    const server = await new FakeServer().start();
    const { before: prepare, ownViolations, ...browserOptions } = options;
    prepare?.(server);
    const { page, context, problems } = await openPage(server.url, browserOptions);
    try {
      await body({ page, server, context });
      if (!ownViolations) assert.deepEqual(problems, []);
    } finally {
      await context.close();
      await server.stop();
    }
  });
}

export async function say(page, text) {
  await page.fill("#input", text);
  await page.press("#input", "Enter");
}

// Waits until the last answer has come to its end.
export async function answered(page, count = 1) {
  await page.waitForFunction(
    (wanted) => {
      const answers = document.querySelectorAll("article.assistant");
      return answers.length === wanted && [...answers].every((answer) => answer.getAttribute("aria-busy") !== "true");
    },
    count);
}

export const lastAnswer = (page) => page.locator("article.assistant").last();

export async function until(condition, what) {
  const end = Date.now() + WAIT_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

export { assert };
