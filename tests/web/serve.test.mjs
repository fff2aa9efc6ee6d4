// The page as `tern serve` gives it, and a chat with a model of a few kilobytes.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { answered, assert, openPage, say } from "./browser.mjs";

let folder, server, url;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tern-page-"));
  const model = join(folder, "tiny.gguf");
  execFileSync("python3", [fileURLToPath(new URL("../tiny_gguf.py", import.meta.url)), model, "--chat"]);
  server = spawn(process.env.TERN_BINARY, ["serve", model, "--name", "tiny", "--port", "0", "--api-key", "k1"],
    { stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface(server.stderr)) {
    url = /on (http:[^,]+)/.exec(line)?.[1];
    if (url) break;
  }
  server.stderr.resume();
  assert.ok(url, "the server said where it is");
  url += "/";
});

after(async () => {
  if (server?.exitCode === null) {
    server.kill("SIGKILL");
    await new Promise((done) => server.on("exit", done));
  }
  rmSync(folder, { recursive: true, force: true });
});

function fetchRaw(path, headers) {
  return new Promise((done, failed) => {
    get(new URL(path, url), { headers }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => done({ headers: response.headers, status: response.statusCode, body: Buffer.concat(pieces) }));
    }).on("error", failed);
  });
}

test("whole, compressed or not, with its policy, without a key", async () => {
  const page = readFileSync(join(process.env.TERN_WEB, "dist/index.html"));
  const plain = await fetchRaw("/", {});
  assert.ok(plain.body.equals(page));
  const zipped = await fetchRaw("/", { "accept-encoding": "gzip, br" });
  assert.equal(zipped.headers["content-encoding"], "gzip");
  assert.ok(zipped.body.length <= 400_000, `${zipped.body.length} bytes`);
  for (const { headers, status } of [plain, zipped]) {
    assert.equal(status, 200);
    assert.equal(headers["content-security-policy"], readFileSync(join(process.env.TERN_WEB, "dist/policy.txt"), "utf8"));
    assert.equal(headers["x-content-type-options"], "nosniff");
  }
  assert.equal((await fetchRaw("/debug/state", {})).status, 401);
});

test("nothing in it leads elsewhere", () => {
  const page = readFileSync(join(process.env.TERN_WEB, "dist/index.html"), "utf8");
  assert.doesNotMatch(page, /\b(src|href)=["']?(https?:)?\/\//);
  assert.doesNotMatch(page, /@import|\burl\(["']?(https?:)?\/\/|sourceMappingURL/);
});

test("a chat with a model, stopped and answered again, and the dashboard of it", { timeout: 30_000 }, async () => {
  const { page, context, problems } = await openPage(url);
  try {
    await page.getByLabel("Key", { exact: true }).fill("k1");
    await page.keyboard.press("Enter");
    await page.getByText("Talk to tiny").waitFor();
    await page.keyboard.press("Alt+o");
    await page.getByLabel("Max tokens").fill("12");
    await page.getByLabel("Temperature").fill("0");
    await say(page, "hi");
    await answered(page);
    assert.match(await page.locator(".figures").innerText(), /tokens read · first after \d+ ms · 12 written/);
    await page.keyboard.press("Alt+k"); // with tokens, or, where the server has none, with a note
    await page.keyboard.press("Alt+r");
    await page.getByText("2/2").waitFor();
    await answered(page);
    assert.equal(await page.locator("article [role=alert]").count(), 0);
    await page.keyboard.press("Alt+g");
    const requests = page.getByRole("region", { name: "Requests", exact: true });
    await requests.getByText("finished").waitFor();
    assert.match(await requests.innerText(), /finished\s+2/);
    // Every card has what it is for: nothing of it is the tests' own.
    await page.getByRole("region", { name: "KV blocks" }).getByText(/cached [1-9]/).waitFor();
    await page.getByRole("region", { name: "Hottest prefixes" }).getByRole("row").nth(1).waitFor();
    const cards = await page.locator(".panel").all();
    assert.equal(cards.length, 9);
    for (const card of cards) assert.doesNotMatch(await card.innerText(), /does not report|None yet/);
    for (const name of ["Time to first token", "Time between tokens"]) {
      assert.match(await page.getByRole("region", { name }).innerText(), /p50 [\d.,]+ ms\s+p99 [\d.,]+ ms/);
    }
    assert.match(await page.getByRole("region", { name: "Batch" }).innerText(), /0 of 32 sequences/);
    assert.match(await page.getByRole("region", { name: "Memory" }).innerText(), /MB of the [\d.]+ \wB that this process/);
    assert.deepEqual(problems, []);
  } finally {
    await context.close();
  }
});

test("the server ends when told to", async () => {
  const ended = new Promise((done) => server.on("exit", done));
  server.kill("SIGTERM");
  assert.equal(await ended, 0);
});
