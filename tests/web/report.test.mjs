// The page of `tern compare` and `tern compress`, opened as a file.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assert, openPage } from "./browser.mjs";

const axe = readFileSync(join(process.env.TERN_WEB, "node_modules/axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DATA = /const data = (.*);\n/;
let folder, url;

// What a comparison lacks and a compression has.
function enrich(data) {
  const point = (name, kind, megabytes, kld, more = {}) => ({ name, kind, file_bytes: megabytes * 1e6, kld, interval: [kld * 0.9, kld * 1.1],
    decode_tokens_per_s: 1000 / megabytes, estimated: false, ...more });
  data.points = [point("q8_0 everywhere", "uniform", 140, 0.001), point("a", "front", 120, 0.004), point("b", "front", 100, 0.01, { estimated: true }),
    point("90 MB", "chosen", 90, 0.02), point("Q4_K_M", "peer", 95, 0.05, { interval: null })];
  data.formats = [{ name: "q4_0", bits: 4.5, gb_per_s: 20, ns_per_kweight: 30 }, { name: "q8_0", bits: 8.5, gb_per_s: 21, ns_per_kweight: 55 }];
  data.recipe = "[default]\nscheme = \"q4_0\"\n";
  data.notes = ["a note"];
  Object.assign(data.tensors.find((t) => t.name === "blk.1.ffn_down.weight"), { method: "gptq", reason: "cheapest", kld: 0.01 });
  return data;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "tern-report-"));
  const [tiny, other, text, page] = ["tiny.gguf", "other.gguf", "text.txt", "report.html"].map((name) => join(folder, name));
  execFileSync("python3", [fileURLToPath(new URL("../tiny_gguf.py", import.meta.url)), tiny]);
  execFileSync(process.env.TERN_BINARY, ["convert", tiny, other, "--dtype", "bf16"], { stdio: "ignore" });
  writeFileSync(text, Array.from({ length: 1500 }, (_, i) => i * i).join(" <b> "));
  execFileSync(process.env.TERN_BINARY, ["compare", tiny, other, "--text", text, "-t", "1", "-o", page], { stdio: "ignore" });
  const html = readFileSync(page, "utf8");
  const data = JSON.stringify(enrich(JSON.parse(DATA.exec(html)[1]))).replaceAll("<", "\\u003c");
  writeFileSync(page, html.replace(DATA, () => `const data = ${data};\n`));
  url = pathToFileURL(page).href;
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function checkPage(options) {
  const { page, context, problems } = await openPage(url, options);
  try {
    await page.getByText("How to read this").waitFor();
    const headings = await page.locator("h2").allTextContents();
    for (const wanted of ["The bill", "Size against quality", "Bits per weight", "KLD by position", "KLD by domain",
      "Speed of the formats on this machine", "What became of each weight", "What they write"]) assert.ok(headings.includes(wanted), wanted);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, "nothing is cut off");
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html} ${any[0]?.message ?? ""}`)), []);
    assert.ok((await page.locator("svg").allTextContents()).every((text) => !/NaN|undefined|Infinity/.test(text)));
    assert.equal(await page.locator("svg [cx=NaN], svg [x=NaN], svg [width=NaN]").count(), 0);
    assert.deepEqual(problems, []);
    return { page, context };
  } catch (error) {
    await context.close();
    throw error;
  }
}

test("all parts are drawn, without a request to anywhere", { timeout: 30_000 }, async () => {
  const { page, context } = await checkPage({});
  const cell = page.locator("svg[aria-label='bits per weight by layer'] g").filter({ hasText: "blk.1.ffn_down.weight" });
  await cell.click();
  assert.match(await page.locator(".about").nth(1).textContent(), /blk\.1\.ffn_down\.weight \[32, 64\]: .*gptq, alone KLD 0\.01: cheapest/);
  await page.getByRole("button", { name: "by speed" }).click();
  assert.match(await page.locator("svg[aria-label='models by size and KLD']").textContent(), /tokens per second/);
  assert.equal(await page.locator("circle").count() > 5, true);
  await context.close();
});

test("in the dark", { timeout: 30_000 }, async () => (await checkPage({ colorScheme: "dark" })).context.close());
test("on a phone", { timeout: 30_000 }, async () => (await checkPage(PHONE)).context.close());
