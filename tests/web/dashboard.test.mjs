// The dashboard: what /debug/state says, nothing that it does not.
import { assert, lastAnswer, pageTest, say, until } from "./browser.mjs";
import { FULL_STATE } from "./states.mjs";

const panel = (page, name) => page.getByRole("region", { name, exact: true });

pageTest("shows everything that a server reports", async ({ page, server }) => {
  server.state = FULL_STATE;
  await page.keyboard.press("Alt+g");
  await panel(page, "Requests").getByText("1,234").waitFor();
  assert.match(await panel(page, "Requests").innerText(), /waiting\s+2\s+running\s+3\s+in prefill\s+1\s+finished\s+1,234/);
  assert.match(await panel(page, "Batch").innerText(), /3 of 8 sequences, 1 of them in prefill, 67 tokens in the last step/);
  assert.match(await panel(page, "KV blocks").innerText(), /in use 12\s+shared 8\s+cached 5\s+free 71\s+96 blocks of 16 tokens/);
  assert.match(await panel(page, "Memory").innerText(), /weights\s+4\.9 %\s+98 MB[^]*kv\s+11 %\s+210 MB[^]*308 MB of the 2\.0 GB/);
  assert.match(await panel(page, "Hottest prefixes").innerText(), /9f2c4e1a77d0\s+1,504\s+12\s+3 s ago/);
  assert.match(await page.locator(".about").innerText(), /fake · context 8,192 · up 1 h 2 min/);
  assert.match(await panel(page, "Time to first token").innerText(), /p50 82 ms\s+p99 240 ms/);
  assert.match(await panel(page, "Time between tokens").innerText(), /p50 7\.3 ms\s+p99 12 ms/);
  // The next sample: totals become rates.
  server.state = { ...FULL_STATE, tokens: { prompt: 1200, completion: 600 }, requests: { running: 4, waiting: 0 } };
  await until(async () => /written 9\d|written 10\d/.test(await panel(page, "Throughput").innerText()), "the throughput");
  assert.match(await panel(page, "At work").innerText(), /running 4\s+waiting 0/);
  assert.ok((await panel(page, "Throughput").locator("canvas").boundingBox()).height > 50);
});

pageTest("says what a server does not report", async ({ page }) => {
  await page.keyboard.press("Alt+g");
  await panel(page, "Memory").waitFor();
  for (const name of ["Requests", "Batch", "KV blocks", "Memory", "Hottest prefixes", "Time to first token"]) {
    assert.match(await panel(page, name).innerText(), /does not report/, name);
  }
});

pageTest("says when there is no such endpoint, and when the server has gone and is back", async ({ page, server }) => {
  server.state = null;
  await page.keyboard.press("Alt+g");
  await page.getByText("This server has no /debug/state.").waitFor();
  server.state = FULL_STATE;
  await panel(page, "Requests").getByText("1,234").waitFor();
  const port = Number(new URL(server.url).port);
  await server.stop();
  await page.getByText("The server cannot be reached. Trying again.").waitFor();
  await page.waitForTimeout(1200); // it has been asked again
  assert.equal(await page.getByText("cannot be reached").count(), 1);
  assert.equal(await page.getByText("does not report").count(), 0);
  await new Promise((done) => server.server.listen(port, "127.0.0.1", done));
  await page.getByText("The server cannot be reached. Trying again.").waitFor({ state: "detached" });
});

pageTest("begun without the server, it says so once, and of what there is nothing", async ({ page, server }) => {
  await server.stop();
  await page.keyboard.press("Alt+g");
  await page.getByText("cannot be reached").waitFor();
  await page.waitForTimeout(1200);
  assert.equal(await page.getByText("cannot be reached").count(), 1);
  assert.equal(await page.getByRole("region").count(), 0);
  await page.keyboard.press("Alt+g");
  await say(page, "Are you there?");
  await lastAnswer(page).getByText("Not answered.").waitFor();
  assert.equal(await page.getByText("cannot be reached").count(), 1);
  await server.start(); // on another port: what the test's end stops
});

pageTest("of many blocks the counts are exact, whatever a square stands for", async ({ page, server }) => {
  server.state = {
    ...FULL_STATE,
    kv: { block_tokens: 16, blocks: 12288, states: `u${".".repeat(4095)}`, counts: { u: 2, s: 0, c: 1, ".": 12285 } },
  };
  await page.keyboard.press("Alt+g");
  await panel(page, "KV blocks").getByText("12,288 blocks of 16 tokens, 3 to a square").waitFor();
  assert.match(await panel(page, "KV blocks").innerText(), /in use 2\s+shared 0\s+cached 1\s+free 12,285/);
});
