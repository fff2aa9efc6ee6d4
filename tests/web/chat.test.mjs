// The chat: streams, stops, edits, answers again, keeps.
import { readFile } from "node:fs/promises";
import { answered, assert, lastAnswer, pageTest, say, until } from "./browser.mjs";
import { gate } from "./fake_server.mjs";

const said = (request) => request.messages.map(({ role, content }) => `${role}: ${content}`);

pageTest("an answer is shown as it comes", async ({ page, server }) => {
  const { hold, open } = gate();
  server.scripts.push([{ content: "One, " }, { content: "**two**" }, { hold }, { content: ", three." }]);
  await say(page, "Count");
  await lastAnswer(page).getByText("One, two").waitFor();
  assert.equal(await page.getAttribute("article.assistant", "aria-busy"), "true");
  assert.equal(await page.locator("article.assistant strong").textContent(), "two");
  open();
  await answered(page);
  assert.match(await lastAnswer(page).innerText(), /One, two, three\.[^]*7 tokens read \(3 cached\)[^]*5 written/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "input");
  assert.equal(server.requests[0].stream, true);
  assert.equal(server.requests[0].model, "fake");
});

pageTest("the next message brings the whole conversation", async ({ page, server }) => {
  server.scripts.push([{ content: "Blue." }], [{ content: "Green." }]);
  await say(page, "A colour?");
  await answered(page);
  await say(page, "Another?");
  await answered(page, 2);
  assert.deepEqual(said(server.requests[1]), ["user: A colour?", "assistant: Blue.", "user: Another?"]);
});

pageTest("Esc stops: the server sees it, the text stays", async ({ page, server }) => {
  const { hold } = gate();
  server.scripts.push([{ content: "It begins" }, { hold }]);
  await say(page, "Talk");
  await lastAnswer(page).getByText("It begins").waitFor();
  await page.keyboard.press("Escape");
  await answered(page);
  await until(() => server.left === 1, "the connection's end");
  assert.match(await lastAnswer(page).innerText(), /It begins[^]*Stopped\./);
  await say(page, "Again");
  await answered(page, 2);
});

pageTest("the button stops, too", async ({ page, server }) => {
  server.scripts.push([{ content: "It begins" }, gate()]);
  await say(page, "Talk");
  await lastAnswer(page).getByText("It begins").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await answered(page);
  await until(() => server.left === 1, "the connection's end");
});

pageTest("an edited message is answered anew, what followed is gone", async ({ page, server }) => {
  server.scripts.push([{ content: "Rome" }], [{ content: "Pizza" }], [{ content: "Paris" }]);
  await say(page, "Capital of Italy?");
  await answered(page);
  await say(page, "And a dish?");
  await answered(page, 2);
  await page.getByRole("button", { name: "Edit your message" }).first().click();
  await page.getByRole("textbox", { name: "Your message" }).fill("Capital of France?");
  await page.getByRole("textbox", { name: "Your message" }).press("Enter");
  await lastAnswer(page).getByText("Paris").waitFor();
  await answered(page);
  assert.deepEqual(said(server.requests[2]), ["user: Capital of France?"]);
  assert.equal(await page.locator("article.user").count(), 1);
});

pageTest("the arrow up in an empty input edits the last message, Esc leaves it as it was", async ({ page, server }) => {
  await say(page, "First");
  await answered(page);
  await page.press("#input", "ArrowUp");
  assert.equal(await page.getByRole("textbox", { name: "Your message" }).inputValue(), "First");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("article.user .said").textContent(), "First");
  assert.equal(server.requests.length, 1);
});

pageTest("answering again keeps the answer before", async ({ page, server }) => {
  server.scripts.push([{ content: "Heads" }], [{ content: "Tails" }]);
  await say(page, "Toss");
  await answered(page);
  await page.keyboard.press("Alt+r");
  await lastAnswer(page).getByText("Tails").waitFor();
  await answered(page);
  assert.deepEqual(said(server.requests[1]), ["user: Toss"]);
  assert.match(await lastAnswer(page).innerText(), /2\/2/);
  await page.getByRole("button", { name: "Answer before" }).click();
  await lastAnswer(page).getByText("Heads").waitFor();
  await say(page, "And then?");
  await answered(page, 2);
  assert.deepEqual(said(server.requests[2]), ["user: Toss", "assistant: Heads", "user: And then?"]);
});

pageTest("the system prompt and the sampler go with every request, what is empty does not", async ({ page, server }) => {
  await page.keyboard.press("Alt+o");
  await page.getByLabel("System prompt").fill("Be brief.");
  const values = {
    "Temperature": "0.3", "Top-p": "0.9", "Top-k": "40", "Min-p": "0.05", "Max tokens": "64", "Seed": "7",
    "Repetition penalty": "1.1", "Presence penalty": "-0.5",
  };
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value);
  await page.getByLabel("Top-p").fill("7"); // out of range: the value before stays
  await say(page, "Hi");
  await answered(page);
  const [request] = server.requests;
  assert.deepEqual(said(request), ["system: Be brief.", "user: Hi"]);
  const { temperature, top_p, top_k, min_p, max_tokens, seed, repetition_penalty, presence_penalty } = request;
  assert.deepEqual(
    [temperature, top_p, top_k, min_p, max_tokens, seed, repetition_penalty, presence_penalty],
    [0.3, 0.9, 40, 0.05, 64, 7, 1.1, -0.5]);
  assert.ok(!("frequency_penalty" in request) && !("logprobs" in request));
  await page.reload();
  await page.keyboard.press("Alt+o");
  assert.equal(await page.getByLabel("Temperature").inputValue(), "0.3");
  await page.getByRole("button", { name: "Reset all" }).click();
  assert.equal(await page.getByLabel("System prompt").inputValue(), "");
});

pageTest("conversations are kept, renamed, deleted", async ({ page, server }) => {
  server.scripts.push([{ content: "Kept." }]);
  await say(page, "Remember this");
  await answered(page);
  await page.reload();
  await page.getByRole("button", { name: "Remember this", exact: true }).click();
  await lastAnswer(page).getByText("Kept.").waitFor();
  await page.getByRole("button", { name: "Rename Remember this" }).click();
  await page.getByLabel("Title").fill("Better name");
  await page.keyboard.press("Enter");
  const better = page.getByRole("button", { name: "Better name", exact: true });
  await better.waitFor();
  await page.getByRole("button", { name: "Rename Better name" }).click();
  await page.getByLabel("Title").fill("Never mind");
  await page.keyboard.press("Escape");
  await better.waitFor();
  await page.reload();
  await better.click();
  await page.getByRole("button", { name: "Delete Better name" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Delete Better name" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("Talk to fake").waitFor();
  await page.reload();
  await page.getByText("Talk to fake").waitFor();
  assert.equal(await page.locator(".sidebar li").count(), 0);
});

pageTest("loaded again, a tab shows the chat that was open; another begins anew", async ({ page, server, context }) => {
  server.scripts.push([{ content: "Still open." }]);
  await say(page, "Stay");
  await answered(page);
  await page.reload();
  await lastAnswer(page).getByText("Still open.").waitFor();
  const other = await context.newPage();
  await other.goto(server.url);
  await other.getByRole("button", { name: "Stay", exact: true }).waitFor();
  await other.getByText("Talk to fake").waitFor();
  await page.keyboard.press("Alt+n");
  await page.getByText("Talk to fake").waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Stay", exact: true }).waitFor();
  await page.getByText("Talk to fake").waitFor();
});

pageTest("an exported conversation can be imported; what is none is refused", async ({ page, server }) => {
  server.scripts.push([{ content: "To be carried." }]);
  await say(page, "Carry me");
  await answered(page);
  const [download] = await Promise.all([
    page.waitForEvent("download"), page.getByRole("button", { name: "Export Carry me" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "Carry-me.json");
  const file = { name: "carry.json", mimeType: "application/json", buffer: await readFile(await download.path()) };
  await page.getByRole("button", { name: "Delete Carry me" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByLabel("Files to import").setInputFiles(file);
  await page.getByRole("button", { name: "Carry me", exact: true }).click();
  await lastAnswer(page).getByText("To be carried.").waitFor();
  await page.getByLabel("Files to import").setInputFiles({ ...file, name: "other.json", buffer: Buffer.from('{"a": 1}') });
  await page.getByText("other.json is no export of this page.").waitFor();
});

pageTest("a text file goes with the message, others are refused", async ({ page, server }) => {
  const attach = (name, buffer) =>
    page.getByLabel("Files to attach").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  await attach("picture.png", Buffer.from([0x89, 0x50, 0x00, 0xff]));
  await page.getByText("picture.png is no text.").waitFor();
  await attach("notes.txt", Buffer.from("Grüße aus dem Archiv"));
  await page.getByRole("list", { name: "Attached files" }).getByText("notes.txt").waitFor();
  await say(page, "Summarise");
  await answered(page);
  assert.equal(server.requests[0].messages[0].content, "File notes.txt:\n```\nGrüße aus dem Archiv\n```\n\nSummarise");
  await page.locator("details.file summary", { hasText: "notes.txt" }).waitFor();
});

pageTest("reasoning is folded", async ({ page, server }) => {
  server.scripts.push([{ reasoning: "The sum is " }, { reasoning: "four." }, { content: "4" }]);
  await say(page, "2+2?");
  await answered(page);
  const fold = page.locator("details.reasoning");
  assert.equal(await fold.evaluate((details) => details.open), false);
  await page.getByText("Thought: 4 words").click();
  await page.getByText("The sum is four.").waitFor();
});

pageTest("code has colours and a copy button", async ({ page, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  server.scripts.push([{ content: "Look:\n\n```python\ndef f():\n    return 1\n```\n\n- nested\n  ```\n  x < y\n  ```\n" }]);
  await say(page, "Code");
  await answered(page);
  assert.equal(await page.locator(".code .hljs-keyword").first().textContent(), "def");
  await page.getByRole("button", { name: "Copy code" }).first().click();
  await page.getByText("Copied").first().waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "def f():\n    return 1");
  await page.getByRole("button", { name: "Copy code" }).last().click();
  await until(async () => (await page.evaluate(() => navigator.clipboard.readText())) === "x < y", "the nested code");
  await page.getByRole("button", { name: "Copy the answer" }).click();
  await until(async () => (await page.evaluate(() => navigator.clipboard.readText())).startsWith("Look:"), "the answer");
});

const entry = (token, probability) => ({ token, logprob: Math.log(probability), bytes: null });
const WITH_TOKENS = [
  { content: "A", logprobs: [{ ...entry("A", 0.9), top_logprobs: [entry("A", 0.9), entry("The", 0.05)] }] },
  { content: " cat", logprobs: [{ ...entry(" cat", 0.02), top_logprobs: [entry(" dog", 0.7), entry(" fox", 0.1)] }] },
];

pageTest("tokens show their probabilities and what else was likely", async ({ page, server }) => {
  server.scripts.push(WITH_TOKENS);
  await page.keyboard.press("Alt+k");
  await say(page, "An animal?");
  await answered(page);
  assert.deepEqual([server.requests[0].logprobs, server.requests[0].top_logprobs], [true, 5]);
  assert.deepEqual(await page.locator(".token").allTextContents(), ["A", " cat"]);
  await page.locator(".token").nth(1).hover();
  assert.match(await page.locator(".alternatives").innerText(), /·cat\s+2\.0 %\s+·dog\s+70\.0 %\s+·fox\s+10\.0 %/);
  await page.mouse.move(0, 0);
  await page.getByRole("group", { name: /^Tokens of the answer/ }).focus();
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator(".alternatives").innerText(), /A\s+90\.0 %\s+The\s+5\.0 %/);
  await page.keyboard.press("Alt+k");
  assert.equal(await page.locator(".token").count(), 0);
  assert.match(await lastAnswer(page).innerText(), /A cat/);
});

pageTest("what is said of a token is in sight, at the end of the chat, too", async ({ page, server }) => {
  const entry = { token: "last", logprob: -0.5, bytes: null };
  const top_logprobs = Array.from({ length: 5 }, (_, i) => ({ ...entry, token: `other ${i}`, logprob: -i - 1 }));
  const long = Array.from({ length: 40 }, (_, i) => ({ content: `${i}\n`, logprobs: [{ ...entry, token: `${i}\n`, top_logprobs }] }));
  server.scripts.push(long);
  await page.keyboard.press("Alt+k");
  await say(page, "Hi");
  await answered(page);
  const view = await page.getByRole("region", { name: "Conversation" }).boundingBox();
  for (const token of [page.locator(".token").last(), page.locator(".token").nth(25)]) {
    await token.hover();
    const said = await page.locator(".alternatives").boundingBox();
    assert.ok(said.y >= view.y && said.y + said.height <= view.y + view.height, JSON.stringify({ said, view }));
  }
});

pageTest("a server without logprobs answers all the same", async ({ page, server }) => {
  server.scripts.push([{ status: 400, param: "logprobs" }], [{ content: "Still here." }]);
  await page.keyboard.press("Alt+k");
  await say(page, "Hi");
  await answered(page);
  assert.match(await lastAnswer(page).innerText(), /Still here\.[^]*does not tell the probabilities/);
  assert.ok(!("logprobs" in server.requests[1]));
});

pageTest("what went wrong is said, and can be tried again", async ({ page, server }) => {
  const overloaded = { status: 429, body: { error: { message: "256 requests wait already" } }, headers: { "retry-after": "2" } };
  server.scripts.push([overloaded], [{ content: "Half" }, { error: "the engine failed" }], [{ content: "Half" }, { cut: true }]);
  await say(page, "Hi");
  await lastAnswer(page).getByText("The server is busy with other requests. Try again in 2 seconds.").waitFor();
  assert.doesNotMatch(await lastAnswer(page).innerText(), /256/);
  await page.keyboard.press("Alt+r");
  await lastAnswer(page).getByText("the engine failed").waitFor();
  await page.keyboard.press("Alt+r");
  await page.getByText("3/3").waitFor();
  await answered(page);
  await lastAnswer(page).getByText("The answer was cut off.").waitFor();
  await page.keyboard.press("Alt+r");
  await lastAnswer(page).getByText("Hello.").waitFor();
});

pageTest("a key is asked for, and kept in this tab alone", async ({ page, server }) => {
  await page.getByRole("dialog", { name: "API key" }).waitFor();
  await page.getByLabel("Key", { exact: true }).fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("does not know this key").waitFor();
  await page.getByLabel("Key", { exact: true }).fill("k1");
  await page.keyboard.press("Enter");
  await page.getByText("Talk to fake").waitFor();
  await say(page, "Hi");
  await answered(page);
  assert.equal(server.requests[0].headers.authorization, "Bearer k1");
  assert.ok(!JSON.stringify(await page.evaluate(() => ({ ...localStorage }))).includes("k1"));
}, { before: (server) => (server.key = "k1") });

pageTest("a long answer does not stall the page", async ({ page, server }) => {
  const lines = Array.from({ length: 3000 }, (_, i) => ({ content: i % 40 === 39 ? `line ${i}\n\n` : `word ${i} ` }));
  server.scripts.push(lines);
  await page.evaluate(() => {
    globalThis.longest = 0;
    let before = performance.now();
    setInterval(() => {
      globalThis.longest = Math.max(globalThis.longest, performance.now() - before);
      before = performance.now();
    }, 10);
  });
  await say(page, "Much");
  await answered(page);
  const longest = await page.evaluate(() => globalThis.longest);
  assert.ok(longest < 1000, `the page stood still for ${longest} ms`);
});

pageTest("the page follows a coming answer, unless one scrolls up", async ({ page, server }) => {
  const { hold, open } = gate();
  const text = Array.from({ length: 60 }, (_, i) => ({ content: `line ${i}\n\n` }));
  server.scripts.push([...text, { hold }, ...text]);
  const box = page.getByRole("region", { name: "Conversation" });
  const below = () => box.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  await say(page, "Much");
  await lastAnswer(page).getByText("line 59").waitFor();
  await until(async () => (await below()) < 2, "the end in sight");
  await box.hover();
  await page.mouse.wheel(0, -300);
  await until(async () => (await below()) > 200, "the scrolling");
  open();
  await answered(page);
  assert.ok((await below()) > 1000, "it stays where the reader is");
  await say(page, "More");
  await answered(page, 2);
  await until(async () => (await below()) < 2, "the end in sight again");
});
