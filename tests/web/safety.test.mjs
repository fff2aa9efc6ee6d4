// Whatever people and models write stays text.
import { answered, assert, pageTest, say } from "./browser.mjs";

const ATTACKS = [
  "<script>globalThis.hit = 1</script>",
  "<img src=x onerror=\"globalThis.hit = 1\">",
  "<svg onload=\"globalThis.hit = 1\"><animate onbegin=\"globalThis.hit = 1\" attributeName=x dur=1s></svg>",
  "<iframe srcdoc=\"<script>parent.hit = 1</script>\"></iframe>",
  "<a href=\"javascript:globalThis.hit = 1\">raw</a>",
  "[link](javascript:globalThis.hit=1)",
  "[link](JaVaScRiPt:globalThis.hit=1)",
  "[link](data:text/html,<script>1</script>)",
  "[link](vbscript:1)",
  "[a](https://example.org/\"onmouseover=\"globalThis.hit=1)",
  "![picture](https://example.org/steal.png?secret)",
  "![x\" onerror=\"globalThis.hit=1](https://example.org/y)",
  "<https://example.org/\"><img/src=x onerror=globalThis.hit=1>",
  "```html\n<img src=x onerror=\"globalThis.hit = 1\">\n```",
  "```<img/src=x/onerror=globalThis.hit=1>\ncode\n```",
  "| a |\n|---|\n| <img src=x onerror=globalThis.hit=1> |",
  "# <img src=x onerror=globalThis.hit=1>",
  "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=globalThis.hit=1&gt;\">",
  "<form action=javascript:globalThis.hit=1><button>go</button></form>",
  "<style>* { display: none }</style>",
  "<base href=\"https://example.org/\">",
  "[ref]\n\n[ref]: javascript:globalThis.hit=1",
  "<div style=\"position:fixed;inset:0\" data-copy id=\"input\">over</div>",
];

async function checkHarmless(page) {
  for (const link of await page.locator("article a").all()) {
    assert.match(await link.getAttribute("href"), /^https?:/);
    assert.equal(await link.getAttribute("rel"), "noopener noreferrer nofollow");
  }
  const foreign = "script, img, svg:not(.icon), iframe, form, style, base, math, input, [style], [onerror], [onload]";
  assert.equal(await page.locator("article").locator(foreign).count(), 0);
  assert.equal(await page.evaluate(() => globalThis.hit), undefined);
  assert.equal(await page.locator("#input").count(), 1);
}

pageTest("a model's answers run nothing and fetch nothing", async ({ page, server }) => {
  server.scripts.push([{ content: ATTACKS.join("\n\n") }], ...ATTACKS.map((attack) => [{ content: attack }]));
  await say(page, "Attack");
  await answered(page);
  await checkHarmless(page);
  assert.match(await page.locator("article.assistant").innerText(), /<script>globalThis\.hit = 1<\/script>/);
  // Once each, alone: nothing before it that would have closed or opened something.
  for (let i = 0; i < ATTACKS.length; ++i) {
    await page.keyboard.press("Alt+r");
    await page.getByText(`${i + 2}/${i + 2}`, { exact: true }).waitFor();
  }
  await answered(page);
  await checkHarmless(page);
});

pageTest("in pieces, too: what is cut off while it comes is as harmless", async ({ page, server }) => {
  server.scripts.push([...ATTACKS.join("\n\n")].map((content) => ({ content })));
  await say(page, "Attack");
  await answered(page);
  await checkHarmless(page);
});

pageTest("nor does what a person writes, attaches, imports, or a server is called", async ({ page, server }) => {
  const [script, image] = ATTACKS;
  await page.getByLabel("Files to attach").setInputFiles({
    name: "<img src=x onerror=globalThis.hit=1>.txt", mimeType: "text/plain", buffer: Buffer.from(ATTACKS.join("\n")),
  });
  server.scripts.push([{ status: 400, body: { error: { message: image } } }]);
  await say(page, ATTACKS.join("\n"));
  await page.locator("article.assistant [role=alert]").waitFor();
  await page.locator("details.file summary").click();
  const exported = { tern: 1, conversations: [{ title: image, messages: [{ role: "user", content: script }, { role: "assistant", answers: [{ content: image }] }] }] };
  await page.getByLabel("Files to import").setInputFiles({
    name: "x.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(exported)),
  });
  await page.getByRole("button", { name: image, exact: true }).click();
  await page.locator("article.user .said", { hasText: script }).waitFor();
  await checkHarmless(page);
  assert.equal(await page.locator("header .model").textContent(), image);
}, { before: (server) => (server.models = [{ id: ATTACKS[1], object: "model" }]) });

pageTest("scripts that are not the page's own do not run, HTML that DOMPurify did not make is not taken", async ({ page }) => {
  const innerHtml = page.evaluate(() => void (document.body.lastElementChild.innerHTML = "<b>x</b>"));
  await assert.rejects(innerHtml, /TrustedHTML/);
  const handler = page.evaluate(() => document.querySelector("h1").setAttribute("onclick", "globalThis.hit = 1"));
  await assert.rejects(handler, /TrustedScript/);
}, { ownViolations: true });
