// A server that answers as the test says: each chat request takes the next script.
//
// A script is a list of steps: {content}, {reasoning}, {logprobs} (a piece each), {finish}, {usage}, {hold: promise} (waits),
// {error: message} (in the stream, which then ends), {cut: true} (the connection, at once), {status, body, headers} (instead of
// a stream, first step only). finish, usage and [DONE] follow by themselves, unless the script ends the stream.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const dist = join(process.env.TERN_WEB, "dist");
const USAGE = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12, prompt_tokens_details: { cached_tokens: 3 } };

const chunk = (choice) => ({
  id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "fake",
  choices: choice ? [{ index: 0, delta: {}, logprobs: null, finish_reason: null, ...choice }] : [],
});

function toChunk(step) {
  if ("content" in step) return chunk({ delta: { content: step.content }, logprobs: step.logprobs ? { content: step.logprobs } : null });
  if ("reasoning" in step) return chunk({ delta: { reasoning_content: step.reasoning } });
  if ("finish" in step) return chunk({ finish_reason: step.finish });
  return { ...chunk(null), usage: step.usage };
}

async function stream(response, script) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(":\n\n");
  const say = (data) => response.write(`data: ${JSON.stringify(data)}\n\n`);
  say(chunk({ delta: { role: "assistant", content: "" } }));
  for (const step of script) {
    if (step.hold) await step.hold;
    else if (step.cut) return setTimeout(() => response.destroy(), 50); // what was written goes first
    else if (step.error) return say({ error: { message: step.error } }), response.end();
    else say(toChunk(step));
  }
  if (!script.some((step) => step.finish)) say(toChunk({ finish: "stop" }));
  say(toChunk({ usage: USAGE }));
  response.end("data: [DONE]\n\n");
}

function json(response, status, body, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

const refusal = (message, param = null) => ({ error: { message, type: "invalid_request_error", param, code: null } });

export class FakeServer {
  requests = []; // bodies of the chat requests, each with the headers as `headers`
  left = 0; // answers whose client went before their end
  scripts = [];
  key = null;
  state = {};
  models = [{ id: "fake", object: "model" }];

  async start() {
    this.server = createServer((request, response) => void this.handle(request, response));
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  async handle(request, response) {
    if (request.url === "/") {
      response.writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": readFileSync(join(dist, "policy.txt"), "utf8"),
      });
      return response.end(readFileSync(join(dist, "index.html")));
    }
    if (this.key !== null && request.headers.authorization !== `Bearer ${this.key}`) {
      return json(response, 401, refusal("a valid API key is needed"));
    }
    if (request.url === "/v1/models") return json(response, 200, { object: "list", data: this.models });
    if (request.url === "/debug/state" && this.state) return json(response, 200, this.state);
    if (request.url === "/v1/chat/completions") return this.chat(request, response);
    json(response, 404, refusal("no such endpoint"));
  }

  async chat(request, response) {
    let text = "";
    for await (const piece of request) text += piece;
    this.requests.push({ ...JSON.parse(text), headers: request.headers });
    response.on("close", () => (this.left += response.writableFinished ? 0 : 1));
    const script = this.scripts.shift() ?? [{ content: "Hello." }];
    const [first] = script;
    if (first?.status) return json(response, first.status, first.body ?? refusal("no", first.param), first.headers);
    await stream(response, script);
  }
}

// A promise, and what fulfils it.
export function gate() {
  let open;
  const hold = new Promise((resolve) => (open = resolve));
  return { hold, open };
}
