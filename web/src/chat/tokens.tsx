// An answer token by token: how likely each was, and what else was.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { TokenInfo } from "../types";

const GAP = 4; // between a token and what is said of it

const percent = (logprob: number) => {
  const share = Math.exp(logprob) * 100;
  return share >= 99.95 ? "100 %" : `${share.toFixed(share < 0.1 ? 3 : 1)} %`;
};

// White space in sight.
const visible = (text: string) =>
  text === "" ? "(end)" : text.replace(/ /g, "\u00b7").replace(/\n/g, "\u21b5").replace(/\t/g, "\u21e5");

// 0: certain ... 4: a surprise.
const surprise = (logprob: number) => [-0.1, -0.7, -1.6, -3].filter((border) => logprob < border).length;

function Alternatives({ token }: { token: TokenInfo }) {
  const others = token.top.some(({ text }) => text === token.text) ? token.top : [token, ...token.top];
  return (
    <table>
      <tbody>
        {others.map(({ text, logprob }, index) => (
          <tr key={index} class={text === token.text ? "chosen" : ""}>
            <th scope="row">{visible(text)}</th>
            <td><meter min={0} max={1} value={Math.exp(logprob)} aria-label={`probability of ${visible(text)}`} /></td>
            <td class="figure">{percent(logprob)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// Below the token, or above it where that is hidden and this is not.
function place(panel: HTMLElement, token: HTMLElement) {
  const view = token.closest(".messages")!.getBoundingClientRect();
  const { top, bottom } = token.getBoundingClientRect();
  const height = panel.offsetHeight + GAP;
  const above = bottom + height > view.bottom && top - height >= view.top;
  const left = Math.min(token.offsetLeft, token.parentElement!.clientWidth - panel.offsetWidth);
  panel.style.left = `${Math.max(0, left)}px`;
  panel.style.top = `${above ? token.offsetTop - height : token.offsetTop + token.offsetHeight + GAP}px`;
}

// One stop for the Tab key; arrows go from token to token.
export function Tokens({ tokens }: { tokens: TokenInfo[] }) {
  const [at, setAt] = useState(-1);
  const box = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const span = box.current!.children[at] as HTMLElement | undefined;
    if (span !== undefined && panel.current !== null) place(panel.current, span);
  }, [at]);
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tokens.length - 1 };
    const to = steps[event.key];
    if (event.key === "Escape" && at >= 0) {
      event.stopPropagation();
      setAt(-1);
    }
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(tokens.length - 1, to)));
  };
  const onHover = (event: Event) => {
    const index = (event.target as HTMLElement).dataset["at"];
    if (index !== undefined) setAt(Number(index));
  };
  const token = tokens[at];
  return (
    <div class="tokens" onMouseLeave={() => setAt(-1)}>
      <div
        ref={box} class="token-text" tabindex={0} role="group" aria-label="Tokens of the answer; arrow keys go through them"
        onMouseOver={onHover} onClick={onHover} onKeyDown={onKey} onBlur={() => setAt(-1)}
      >
        {tokens.map(({ text, logprob }, index) => (
          <span key={index} data-at={index} class={`token s${surprise(logprob)} ${index === at ? "active" : ""}`}>{text}</span>
        ))}
      </div>
      {token && <div ref={panel} class="alternatives" role="status"><Alternatives token={token} /></div>}
    </div>
  );
}
