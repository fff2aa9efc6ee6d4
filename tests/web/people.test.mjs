// For everybody: keyboards, phones, darkness, screen readers (axe-core).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { answered, assert, pageTest, say, until } from "./browser.mjs";
import { FULL_STATE } from "./states.mjs";

const axe = readFileSync(join(process.env.TERN_WEB, "node_modules/axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const RICH = [
  "# Heading\n\nText with `code`, a [link](https://example.org) and **weight**.\n\n### Deeper\n\n",
  "```python\ndef f(x):  # a comment\n    return \"text\" + str(1)\n```\n\n",
  "| a | b |\n|---|---|\n| 1 | 2 |\n\n1. one\n2. two\n   - [x] done\n   - [ ] open\n\n> quoted\n\n---\n\n",
];
const entry = (token, logprob) => ({ token, logprob, bytes: null });
const TOKENS = ["Sure", ",", " why", " not", "?"].map((text, i) => ({
  content: text, logprobs: [{ ...entry(text, -i), top_logprobs: [entry(text, -i), entry(" else", -i - 1)] }],
}));

async function checkAxe(page, where) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html} ${any[0]?.message ?? ""}`));
  assert.deepEqual(found, [], where);
}

async function walk(page, server) {
  server.scripts.push([{ reasoning: "Let me think." }, ...RICH.map((content) => ({ content }))], TOKENS);
  await page.getByText("Talk to fake").waitFor();
  await checkAxe(page, "empty");
  await say(page, "Show all");
  await answered(page);
  await page.locator("details.reasoning summary").click();
  await checkAxe(page, "an answer");
  await page.keyboard.press("Alt+k");
  await page.keyboard.press("Alt+r");
  await page.locator(".token").first().waitFor();
  await answered(page);
  await page.getByRole("group", { name: /^Tokens of the answer/ }).focus();
  await page.keyboard.press("ArrowRight");
  await checkAxe(page, "tokens");
  await page.keyboard.press("Alt+u");
  await checkAxe(page, "editing");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Alt+o");
  await checkAxe(page, "options");
  await page.keyboard.press("Alt+o");
  await page.keyboard.press("Alt+h");
  await checkAxe(page, "shortcuts");
  await page.keyboard.press("Escape");
  server.state = FULL_STATE;
  await page.keyboard.press("Alt+g");
  await page.getByText("Hottest prefixes").waitFor();
  await page.locator("canvas").first().waitFor();
  await checkAxe(page, "dashboard");
}

pageTest("axe finds nothing, light", ({ page, server }) => walk(page, server), { colorScheme: "light" });
pageTest("axe finds nothing, dark", ({ page, server }) => walk(page, server), { colorScheme: "dark" });
pageTest("axe finds nothing on a phone", async ({ page, server }) => {
  await walk(page, server);
  await page.keyboard.press("Alt+g");
  await page.getByRole("button", { name: "Chats" }).click();
  await checkAxe(page, "list of chats");
}, PHONE);

pageTest("axe finds nothing where a key is asked for", async ({ page }) => {
  await page.getByRole("dialog", { name: "API key" }).waitFor();
  await checkAxe(page, "key");
}, { before: (server) => (server.key = "k") });

pageTest("on a phone everything fits, and lists open over the chat", async ({ page, server }) => {
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  server.scripts.push([{ content: `${RICH.join("")}${"x".repeat(300)}\n\n\`\`\`\n${"y".repeat(300)}\n\`\`\`` }]);
  await say(page, "z".repeat(300));
  await answered(page);
  assert.equal(await width(), 390);
  assert.equal(await page.locator("nav.sidebar").count(), 0);
  await page.getByRole("button", { name: "Chats" }).tap();
  await page.getByRole("navigation", { name: "Chats" }).waitFor();
  await page.getByRole("button", { name: "New chat" }).tap();
  await page.getByText("Talk to fake").waitFor();
  assert.equal(await page.locator("nav.sidebar").count(), 0);
  await page.getByRole("button", { name: "Options" }).tap();
  await page.getByLabel("Temperature").fill("0.5");
  await page.getByRole("button", { name: "Close the options" }).tap();
  await page.locator("#input").fill("Hi");
  await page.getByRole("button", { name: "Send" }).tap();
  await answered(page);
  assert.equal(server.requests[1].temperature, 0.5);
  for (const button of await page.locator("header button, .composer button").all()) {
    const { width: w, height: h } = await button.boundingBox();
    assert.ok(w >= 36 && h >= 36, `a button of ${w} x ${h}`);
  }
  // Smaller than 16 px, and phones zoom in on what is touched.
  assert.equal(await page.locator("#input").evaluate((input) => getComputedStyle(input).fontSize), "16px");
}, PHONE);

pageTest("a phone has no keys to be told of, and room for the model's name", async ({ page }) => {
  await page.getByText("Talk to SmolLM2-135M-Instruct-Q4_K_M").waitFor();
  assert.equal(await page.getByText("Alt H").isVisible(), false);
  const name = page.locator("header .model");
  const { text, shown, whole } = await name.evaluate((span) => ({
    text: span.innerText, shown: [span.clientWidth, span.clientHeight], whole: [span.scrollWidth, span.scrollHeight],
  }));
  assert.equal(text, "SmolLM2-135M-Instruct-Q4_K_M");
  assert.ok(whole[0] <= shown[0] && whole[1] <= shown[1] + 1, `${shown} of ${whole}`);
}, { ...PHONE, before: (server) => (server.models = [{ id: "SmolLM2-135M-Instruct-Q4_K_M" }]) });

const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

pageTest("dark where the system is, and where one says so", async ({ page }) => {
  const is = (wanted) => until(async () => wanted.test(await ground(page)), `a ground like ${wanted}`);
  const dark = /^rgb\(2\d, /;
  const light = /^rgb\(25\d, /;
  await is(dark);
  await page.getByRole("button", { name: "Colours: as the system" }).click();
  await is(light);
  await page.reload();
  await is(light);
  await page.getByRole("button", { name: "Colours: light" }).click();
  await is(dark);
}, { colorScheme: "dark" });

pageTest("all of it works by keyboard", async ({ page, server }) => {
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent);
  await page.keyboard.type("Hello");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("there");
  await page.keyboard.press("Enter");
  await answered(page);
  assert.equal(server.requests[0].messages[0].content, "Hello\nthere");
  await page.keyboard.press("Alt+h");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  assert.equal(await focused(), "Close");
  for (const keys of ["Alt N", "Alt R", "Alt K", "Esc"]) assert.equal(await page.getByText(keys, { exact: true }).count(), 1);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Alt+n");
  await page.getByText("Talk to fake").waitFor();
  await page.keyboard.press("Alt+l");
  assert.equal(await page.locator("nav.sidebar").count(), 0);
  await page.keyboard.press("Alt+l");
  // By Tab alone to the conversation, and into it.
  await page.evaluate(() => document.activeElement.blur());
  for (let i = 0; i < 12 && (await focused()) !== "Hello"; ++i) await page.keyboard.press("Tab");
  assert.equal(await focused(), "Hello");
  await page.keyboard.press("Enter");
  await page.getByText("Hello.", { exact: true }).waitFor();
  await page.keyboard.press("Alt+g");
  await page.getByRole("heading", { name: "Requests" }).waitFor();
  await page.keyboard.press("Alt+i");
  await page.waitForFunction(() => document.activeElement.id === "input");
});

pageTest("without animations for those who asked for none, and announced for those who listen", async ({ page, server }) => {
  server.scripts.push([{ content: "Spoken." }]);
  await say(page, "Hi");
  await answered(page);
  await page.locator("[role=status]", { hasText: "Answer: Spoken." }).waitFor({ state: "attached" });
}, { reducedMotion: "reduce" });
