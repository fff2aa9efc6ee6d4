// AI SDK, with each of the providers that people use for servers of OpenAI's protocols.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { test } from "node:test";
import { z } from "zod";
import {
  ANN, CALL_BY_ITSELF, CAPITAL, CHAT, EMBED, EMBEDDER, KEY, LONG, MODEL, NARROW, TOO_LONG, WEATHER, assert, checkCancel,
  checkRetries, collect,
} from "./case.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const at = (url, apiKey = KEY) => ({ name: "tern", baseURL: `${url}/v1`, apiKey });
const compatible = (more) => createOpenAICompatible({ ...at(CHAT), includeUsage: true, supportsStructuredOutputs: true, ...more });
const schema = z.object({ name: z.string(), age: z.int() });
const tools = {
  get_weather: tool({ description: "Weather in a city", inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => `sunny, 21 C in ${city}` }),
};
const isStatus = (status) => (error) => APICallError.isInstance(error) && error.statusCode === status;
const ask = (model, prompt, more) => ({ model, temperature: 0, maxOutputTokens: 60, maxRetries: 0, prompt, ...more });

const models = { compatible: compatible()(MODEL), chat: createOpenAI(at(CHAT)).chat(MODEL), responses: createOpenAI(at(CHAT))(MODEL) };
for (const [name, model] of Object.entries(models)) {
  test(`${name}: text, whole and streamed`, async () => {
    const whole = await generateText(ask(model, CAPITAL));
    assert.match(whole.text, /Paris/);
    assert.equal(whole.finishReason, "stop");
    const stream = streamText(ask(model, CAPITAL));
    assert.equal((await collect(stream.textStream)).join(""), whole.text);
    assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
  });

  test(`${name}: tools, forced and not, whole and streamed`, async () => {
    const named = { type: "tool", toolName: "get_weather" };
    for (const [prompt, toolChoice] of [[WEATHER, "required"], [WEATHER, named], [CALL_BY_ITSELF, "auto"]]) {
      const stream = streamText(ask(model, prompt, { tools, toolChoice }));
      await collect(stream.fullStream);
      for (const calls of [(await generateText(ask(model, prompt, { tools, toolChoice }))).toolCalls, await stream.toolCalls]) {
        assert.deepEqual(calls.map((call) => [call.toolName, call.input]), [["get_weather", { city: "Paris" }]]);
      }
    }
  });

  test(`${name}: tools that the client runs`, async () => {
    const prepareStep = ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "auto" });
    const { text, steps } = await generateText(ask(model, WEATHER, { tools, prepareStep, stopWhen: stepCountIs(2) }));
    assert.match(text, /sunny/);
    assert.equal(steps.length, 2);
  });

  test(`${name}: objects`, async () => {
    assert.equal((await generateObject(ask(model, ANN, { schema }))).object.age, 31);
    assert.equal((await collect(streamObject(ask(model, ANN, { schema })).partialObjectStream)).at(-1).age, 31);
    assert.equal((await generateText(ask(model, ANN, { output: Output.object({ schema }) }))).output.age, 31);
    const choice = { output: "enum", enum: ["plant", "animal"] };
    assert.ok(choice.enum.includes((await generateObject(ask(model, "Is a cat a plant or an animal?", choice))).object));
  });

  test(`${name}: errors`, async () => {
    await assert.rejects(generateText(ask(model, "x", { temperature: 9 })), isStatus(400));
    await assert.rejects(generateText(ask(model, TOO_LONG)), /maximum context length/);
    let seen;
    await collect(streamText(ask(model, "x", { temperature: 9, onError: ({ error }) => { seen = error; } })).textStream);
    assert.ok(isStatus(400)(seen));
  });

  test(`${name}: cancel`, async () => {
    await checkCancel(async () => {
      const leave = new AbortController();
      const stream = streamText(ask(model, LONG, { maxOutputTokens: 1500, abortSignal: leave.signal }));
      for await (const text of stream.textStream) if (text) break;
      leave.abort();
    });
  });
}

test("embeddings", async () => {
  const model = createOpenAICompatible(at(EMBED)).embeddingModel(EMBEDDER);
  const { embeddings } = await embedMany({ model, values: ["a cat", "a dog"] });
  assert.deepEqual(embeddings.map((vector) => vector.length), [384, 384]);
});

test("wrong model, wrong key", async () => {
  await assert.rejects(generateText(ask(compatible()("other"), "x")), isStatus(404));
  await assert.rejects(generateText(ask(compatible({ apiKey: "other" })(MODEL), "x")), isStatus(401));
});

test("retries", async () => {
  const narrow = createOpenAICompatible(at(NARROW))(MODEL);
  await checkRetries(async () => (await generateText(ask(narrow, CAPITAL, { maxRetries: 5 }))).text);
});
