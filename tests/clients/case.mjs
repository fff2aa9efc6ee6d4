// What the tests of all clients for Node share: where run.py's servers are, what is asked, what must hold.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

export { assert };
export const { TERN_CHAT_URL: CHAT, TERN_EMBED_URL: EMBED, TERN_NARROW_URL: NARROW, TERN_KEY: KEY } = process.env;
export const MODEL = "smollm2", EMBEDDER = "minilm";

export const CAPITAL = "What is the capital of France? One sentence.";
export const WEATHER = "What is the weather in Paris?";
// A model this small calls a function by itself when it is told the very words.
export const CALL_BY_ITSELF =
  'Repeat after me: <tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>';
export const ANN = "Ann is 31 years old. Give her name and age.";
export const LONG = "Count to ten thousand.";
export const TOO_LONG = "word ".repeat(4000);
const AT_ONCE_MS = 200; // how soon nothing may be left of an answer that nobody reads
const HEADERS = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };

export async function collect(stream) {
  const all = [];
  for await (const item of stream) all.push(item);
  return all;
}

// What a server does right now.
async function state(url) {
  return (await (await fetch(`${url}/debug/state`, { headers: HEADERS })).json()).requests;
}

// `begin` starts a long answer, reads some of it and goes away.
export async function checkCancel(begin) {
  const late = [];
  for (let tries = 0; tries < 5; ++tries) { // a busy machine may be late
    const { cancelled } = await state(CHAT);
    await begin();
    const left = performance.now();
    for (let now = await state(CHAT); now.running > 0 || now.cancelled === cancelled; now = await state(CHAT)) {
      assert.ok(performance.now() - left < 10_000, JSON.stringify(now));
      await sleep(5);
    }
    late.push(performance.now() - left);
    if (late.at(-1) <= AT_ONCE_MS) return;
  }
  assert.fail(`answers went on for ${late} ms`);
}

// `ask` comes when all places of the narrow server are taken, until it has been refused: it must wait, and be answered.
export async function checkRetries(ask) {
  const { refused } = await state(NARROW);
  const body = JSON.stringify({ prompt: "One, two,", max_tokens: 450, ignore_eos: true, stream: true });
  const leave = new AbortController();
  for (const place of ["running", "waiting"]) { // who comes before the first one runs is refused
    await fetch(`${NARROW}/v1/completions`, { method: "POST", headers: HEADERS, body, signal: leave.signal });
    while ((await state(NARROW))[place] === 0) await sleep(5);
  }
  const answer = ask();
  answer.catch(() => {}); // it is awaited below
  for (let tries = 0; (await state(NARROW)).refused === refused && tries < 1000; ++tries) await sleep(10);
  leave.abort();
  assert.ok(await answer);
  assert.ok((await state(NARROW)).refused > refused);
}
