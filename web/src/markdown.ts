// Markdown to HTML that is safe to show. What the text has of HTML is shown as text; DOMPurify is the second wall, the
// page's policy the third.
import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";
import { highlight } from "./highlight";

const escape = (text: string) =>
  text.replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]!);

const SAFE_LINK = /^(https?:|mailto:)/i;

function link(href: string, text: string): string {
  if (!SAFE_LINK.test(href)) return text;
  return `<a href="${escape(href)}" target="_blank" rel="noopener noreferrer nofollow">${text}</a>`;
}

export const COPY_LABEL = "Copy code";

function codeBlock({ text, lang }: Tokens.Code): string {
  const language = (lang ?? "").split(/\s/)[0]!;
  return (
    `<div class="code"><div class="code-head"><span>${escape(language)}</span>` +
    `<button type="button" class="small" data-copy>${COPY_LABEL}</button></div>` +
    `<pre tabindex="0"><code>${highlight(text, language)}</code></pre></div>`
  );
}

const marked = new Marked({ gfm: true, breaks: true });
marked.use({
  renderer: {
    html: ({ text }) => escape(text),
    link({ href, tokens }) {
      return link(href, this.parser.parseInline(tokens));
    },
    // A picture from elsewhere would tell its server who reads what: the reader decides.
    image: ({ href, text }) => link(href, escape(text || href)),
    code: codeBlock,
    // Headings of an answer lie below the page's own, one level for all: texts skip levels at will.
    heading({ tokens, depth }) {
      return `<h3 class="h${depth}">${this.parser.parseInline(tokens)}</h3>`;
    },
    checkbox: ({ checked }) => (checked ? "\u2611 " : "\u2610 "),
  },
});

export interface Block {
  raw: string;
  html: TrustedHTML;
}

// Blocks that did not change keep their HTML: only the last one of a coming answer is made anew.
const made = new Map<string, TrustedHTML>();
const MAX_MADE = 2000;

function purify(html: string): TrustedHTML {
  return DOMPurify.sanitize(html, {
    RETURN_TRUSTED_TYPE: true,
    FORBID_TAGS: ["style", "form", "input", "img", "svg", "math", "video", "audio", "iframe"],
    FORBID_ATTR: ["style"],
    ADD_ATTR: ["target"],
  }) as unknown as TrustedHTML;
}

function blockHtml(token: Token, links: Record<string, unknown>): TrustedHTML {
  const key = `${Object.keys(links).length}:${token.raw}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  if (made.size >= MAX_MADE) made.clear();
  const table = token.type === "table";
  const html = marked.parser([token]);
  const trusted = purify(table ? `<div class="table" tabindex="0" role="group" aria-label="Table">${html}</div>` : html);
  made.set(key, trusted);
  return trusted;
}

export function renderMarkdown(text: string): Block[] {
  const tokens = marked.lexer(text);
  return tokens
    .filter((token) => token.type !== "space" && token.type !== "def")
    .map((token) => ({ raw: token.raw, html: blockHtml(token, tokens.links) }));
}
