// openai-node.
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  ANN, CALL_BY_ITSELF, CAPITAL, CHAT, EMBED, EMBEDDER, KEY, LONG, MODEL, NARROW, TOO_LONG, WEATHER, assert, checkCancel,
  checkRetries, collect,
} from "./case.mjs";

const client = new OpenAI({ baseURL: `${CHAT}/v1`, apiKey: KEY, maxRetries: 0 });
const embedder = client.withOptions({ baseURL: `${EMBED}/v1` });
const chats = client.chat.completions;
const Person = z.object({ name: z.string(), age: z.int() });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const tools = [{ type: "function", function: { name: "get_weather", description: "Weather in a city", parameters, strict: true } }];
const user = (content, more) => ({ model: MODEL, temperature: 0, max_tokens: 60, messages: [{ role: "user", content }], ...more });
const respond = (input, more) => ({ model: MODEL, temperature: 0, max_output_tokens: 60, input, ...more });

test("chat and stream", async () => {
  const whole = await chats.create(user(CAPITAL));
  assert.match(whole.choices[0].message.content, /Paris/);
  const chunks = await collect(await chats.create(user(CAPITAL, { stream: true })));
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
  const helped = await chats.stream(user(CAPITAL, { stream_options: { include_usage: true } })).finalChatCompletion();
  assert.deepEqual([helped.choices[0].message.content, helped.usage.completion_tokens],
    [whole.choices[0].message.content, whole.usage.completion_tokens]);
});

test("tools, forced and not, whole and streamed", async () => {
  const named = { type: "function", function: { name: "get_weather" } };
  for (const [text, tool_choice] of [[WEATHER, "required"], [WEATHER, named], [CALL_BY_ITSELF, "auto"]]) {
    const request = user(text, { tools, tool_choice, parallel_tool_calls: false });
    for (const answer of [await chats.create(request), await chats.stream(request).finalChatCompletion()]) {
      const { message, finish_reason } = answer.choices[0];
      assert.equal(finish_reason, "tool_calls");
      assert.deepEqual(message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
        [["get_weather", { city: "Paris" }]]);
    }
  }
});

test("tools that the client runs", async () => {
  const asked = [];
  const run = (a) => { asked.push(a); return "sunny, 21 C"; };
  const tool = { type: "function", function: { ...tools[0].function, parse: JSON.parse, function: run } };
  assert.ok(await chats.runTools(user(CALL_BY_ITSELF, { tools: [tool] }), { maxChatCompletions: 2 }).finalChatCompletion());
  assert.deepEqual(asked[0], { city: "Paris" });
});

test("schema", async () => {
  const request = user(ANN, { response_format: zodResponseFormat(Person, "person") });
  assert.equal((await chats.parse(request)).choices[0].message.parsed.age, 31);
  assert.equal((await chats.stream(request).finalChatCompletion()).choices[0].message.parsed.age, 31);
});

test("responses", async () => {
  assert.match((await client.responses.create(respond(CAPITAL))).output_text, /Paris/);
  assert.match((await client.responses.stream(respond(CAPITAL)).finalResponse()).output_text, /Paris/);
  const parsed = await client.responses.parse(respond(ANN, { text: { format: zodTextFormat(Person, "person") } }));
  assert.equal(parsed.output_parsed.age, 31);
});

test("completions and models", async () => {
  assert.match((await client.completions.create({ model: MODEL, prompt: "The capital of France is", temperature: 0,
    max_tokens: 3 })).choices[0].text, /Paris/);
  assert.deepEqual((await collect(client.models.list())).map((model) => model.id), [MODEL]);
});

test("embeddings, packed and not", async () => {
  const request = { model: EMBEDDER, input: ["a cat", "a dog"] };
  const packed = await embedder.embeddings.create(request); // base64, which it unpacks
  const plain = await embedder.embeddings.create({ ...request, encoding_format: "float" });
  packed.data.forEach(({ embedding }, i) => embedding.forEach((x, j) => {
    assert.ok(Math.abs(x - plain.data[i].embedding[j]) < 1e-6);
  }));
});

test("errors", async () => {
  const cases = [[user("x", { model: "other" }), OpenAI.NotFoundError, "model_not_found"],
    [user("x", { temperature: 9 }), OpenAI.BadRequestError, "invalid_value"],
    [user(TOO_LONG), OpenAI.BadRequestError, "context_length_exceeded"]];
  for (const [request, type, code] of cases) {
    for (const stream of [false, true]) {
      await assert.rejects(chats.create({ ...request, stream }), (error) => error instanceof type && error.code === code);
    }
  }
  await assert.rejects(client.withOptions({ apiKey: "other" }).models.list(), OpenAI.AuthenticationError);
});

test("cancel", async () => {
  await checkCancel(async () => {
    const stream = await chats.create(user(LONG, { max_tokens: 1500, stream: true }));
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
  });
});

test("retries", async () => {
  const narrow = client.withOptions({ baseURL: `${NARROW}/v1`, maxRetries: 5 });
  await checkRetries(async () => (await narrow.chat.completions.create(user(CAPITAL))).choices[0].message.content);
});
