// The KV cache's blocks as a picture: a square each, or, where there are many, one for several.
import { useLayoutEffect, useRef } from "preact/hooks";
import { useSelected } from "../state";
import type { DebugState } from "./debug_state";

type Kv = NonNullable<DebugState["kv"]>;

// The letters of kv.states.
const KINDS = [
  { letter: "u", name: "in use", colour: "--kv-used" },
  { letter: "s", name: "shared", colour: "--kv-shared" },
  { letter: "c", name: "cached", colour: "--kv-cached" },
  { letter: ".", name: "free", colour: "--kv-free" },
];
const MAX_CELL = 14;

// The largest squares that fit the width in a picture about a third as high.
function cellSize(width: number, cells: number): number {
  return Math.max(3, Math.min(MAX_CELL, Math.floor(Math.sqrt((width * width) / (3 * cells)))));
}

function draw(canvas: HTMLCanvasElement, states: string) {
  const width = canvas.parentElement!.clientWidth;
  const cell = cellSize(width, states.length);
  const columns = Math.max(1, Math.floor(width / cell));
  const height = Math.ceil(states.length / columns) * cell;
  const scale = devicePixelRatio;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  const colours = new Map(KINDS.map(({ letter, colour }) => {
    canvas.style.color = `var(${colour})`;
    return [letter, getComputedStyle(canvas).color];
  }));
  for (let i = 0; i < states.length; ++i) {
    context.fillStyle = colours.get(states[i]!) ?? "#888";
    context.fillRect((i % columns) * cell, Math.floor(i / columns) * cell, cell - 1, cell - 1);
  }
}

export function KvBlocks({ kv }: { kv: Kv }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useSelected((state) => state.theme);
  useLayoutEffect(() => draw(canvas.current!, kv.states), [kv.states, theme]);
  useLayoutEffect(() => {
    const resized = new ResizeObserver(() => draw(canvas.current!, kv.states));
    resized.observe(canvas.current!.parentElement!);
    return () => resized.disconnect();
  }, [kv.states]);
  const each = kv.blocks / Math.max(1, kv.states.length);
  const count = (letter: string) =>
    kv.counts?.[letter] ?? Math.round([...kv.states].filter((state) => state === letter).length * each);
  return (
    <>
      <div class="kv"><canvas ref={canvas} aria-hidden="true" /></div>
      <ul class="legend">
        {KINDS.map(({ letter, name }) => (
          <li key={name}><i class={`kv-${name.replace(" ", "-")}`} />{name} <b>{count(letter).toLocaleString()}</b></li>
        ))}
      </ul>
      <p class="note">
        {kv.blocks.toLocaleString()} blocks of {kv.block_tokens} tokens
        {each > 1 ? `, ${each.toLocaleString(undefined, { maximumFractionDigits: 1 })} to a square` : ""}
      </p>
    </>
  );
}
