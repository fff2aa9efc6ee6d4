// node tools/page_screenshots.mjs build/web build/bin/tern: docs/page-*.png anew, from the default model's own answers.
// Needs what the tests of the page need (tests/web/run.sh).
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const [web, tern] = process.argv.slice(2);
const require = createRequire(resolve(web, "package.json"));
const { chromium } = require("playwright-core");
const MAX_BYTES = 150_000;
const LOAD_MS = 45_000;

async function startServer() {
  // So few blocks of KV that each is one square of the picture.
  const options = ["smollm2", "--port", "0", "--parallel", "8", "--context", "2048"];
  const server = spawn(tern, ["serve", ...options], { stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface(server.stderr)) {
    const url = /on (http:[^,]+)/.exec(line)?.[1];
    if (url) return { server, url };
  }
  throw new Error("the server did not start");
}

async function shoot(page, name) {
  const path = `docs/page-${name}.png`;
  await page.screenshot({ path });
  const { size } = statSync(path);
  if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, at most ${MAX_BYTES}`);
  console.log(`${path}: ${size} bytes`);
}

async function ask(page, text) {
  await page.fill("#input", text);
  await page.press("#input", "Enter");
  await page.waitForSelector("article[aria-busy=true]");
  await page.waitForFunction(() => !document.querySelector("article[aria-busy=true]"), null, { timeout: 60_000 });
  await page.waitForTimeout(200);
}

async function set(page, values) {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value);
}

async function chat(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 720 }, colorScheme: "light" });
  await page.goto(url);
  await page.keyboard.press("Alt+o");
  await set(page, { "Temperature": "0.2", "Seed": "5", "Max tokens": "200" });
  await page.keyboard.press("Alt+o");
  await ask(page, "Name three birds that migrate over oceans.");
  await page.keyboard.press("Alt+n");
  await ask(page, "Write a Python function that reverses a string, and explain it briefly.");
  await shoot(page, "chat");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.keyboard.press("Alt+n");
  await page.keyboard.press("Alt+k");
  await ask(page, "In one sentence: what is an arctic tern?");
  const token = page.locator(".token.s3, .token.s4").first();
  if (await token.count()) await token.hover();
  await shoot(page, "tokens");
  await page.close();
}

// A few readers of one long text, again and again.
async function load(url, until) {
  const text = "A paragraph of some length that many requests have in common. ".repeat(40);
  const one = async (number) => {
    while (Date.now() < until) {
      const messages = [{ role: "user", content: `${text}\nQuestion ${number}: how long is it?` }];
      const response = await fetch(new URL("/v1/chat/completions", url), {
        method: "POST", headers: { "content-type": "application/json" },
        body: JSON.stringify({ messages, max_tokens: 40 + 20 * number }),
      });
      await response.text();
      await new Promise((done) => setTimeout(done, 300 * number));
    }
  };
  await Promise.all([0, 1, 2, 3, 4, 5].map(one));
}

async function dashboard(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 1300 }, colorScheme: "light" });
  await page.goto(new URL("#dashboard", url).href);
  const loaded = load(url, Date.now() + LOAD_MS);
  await page.waitForTimeout(LOAD_MS - 3000);
  if (await page.getByText("does not report").count()) throw new Error("a card of the dashboard is empty");
  await shoot(page, "dashboard");
  await loaded;
  await page.close();
}

const { server, url } = await startServer();
server.stderr.resume();
const executablePath = process.env.TERN_CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
try {
  await chat(browser, url);
  await dashboard(browser, url);
} finally {
  await browser.close();
  server.kill("SIGKILL");
}
