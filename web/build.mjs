// node build.mjs OUT: bundles src/ into one HTML file without references to anything outside of it, and writes
//   OUT/index.html     the page
//   OUT/policy.txt     its Content-Security-Policy, which knows the hashes of the page's own script and style
//   OUT/page_data.inc  both as C++ constants, the page compressed: what src/server/routes/page.cc serves
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { cppBytes } from "./cpp_bytes.mjs";

const MAX_GZIPPED_BYTES = 400_000;
const BUNDLED = ["dompurify", "highlight.js", "marked", "preact", "uplot"];

// Whoever gets the page gets the licences of what is in it.
async function licences() {
  const texts = await Promise.all(BUNDLED.map(async (name) => {
    const about = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
    const file = name === "marked" ? "LICENSE.md" : "LICENSE";
    const text = await readFile(`node_modules/${name}/${file}`, "utf8").catch(() => about.license);
    return `${name} ${about.version}\n\n${text.trim()}\n`;
  }));
  return texts.join("\n\n");
}

const licencesModule = {
  name: "licences",
  setup(esbuild) {
    esbuild.onResolve({ filter: /^licences$/ }, () => ({ path: "licences", namespace: "licences" }));
    esbuild.onLoad({ filter: /.*/, namespace: "licences" }, async () => ({ contents: await licences(), loader: "text" }));
  },
};

async function bundle() {
  const result = await build({
    entryPoints: ["src/main.tsx"],
    outdir: "out",
    write: false,
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2022"],
    legalComments: "none",
    loader: { ".svg": "text" },
    jsx: "automatic",
    jsxImportSource: "preact",
    plugins: [licencesModule],
  });
  const text = (suffix) => result.outputFiles.find((file) => file.path.endsWith(suffix)).text.trim();
  return { script: text(".js"), style: text(".css") };
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

// Nothing from elsewhere, nothing that a text could smuggle in; HTML is written by DOMPurify alone.
const policy = ({ script, style }) => [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types dompurify",
].join("; ");

const out = process.argv[2] ?? "dist";
const parts = await bundle();
// Replacements by functions: in replacement strings "$&" has a meaning.
const page = (await readFile("src/index.html", "utf8"))
  .replace("/*style*/", () => parts.style)
  .replace("/*script*/", () => parts.script);
const gzipped = gzipSync(page, { level: 9 });
if (gzipped.length > MAX_GZIPPED_BYTES) throw new Error(`the page has ${gzipped.length} bytes gzipped, at most ${MAX_GZIPPED_BYTES}`);
await mkdir(out, { recursive: true });
await writeFile(`${out}/index.html`, page);
await writeFile(`${out}/policy.txt`, policy(parts));
await writeFile(`${out}/page_data.inc`, cppBytes({ page, gzipped, policy: policy(parts) }));
console.log(`page: ${page.length} characters, ${gzipped.length} bytes gzipped`);
