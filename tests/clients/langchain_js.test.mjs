// LangChain for Node.
import { ContextOverflowError } from "@langchain/core/errors";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { test } from "node:test";
import { z } from "zod";
import {
  ANN, CALL_BY_ITSELF, CAPITAL, CHAT, EMBED, EMBEDDER, KEY, LONG, MODEL, NARROW, TOO_LONG, WEATHER, assert, checkCancel,
  checkRetries, collect,
} from "./case.mjs";

const model = (more, url = CHAT) => new ChatOpenAI({
  model: MODEL, apiKey: KEY, temperature: 0, maxTokens: 60, maxRetries: 0, configuration: { baseURL: `${url}/v1` }, ...more,
});
const whole = async (stream) => (await collect(await stream)).reduce((total, chunk) => total.concat(chunk));
const getWeather = tool(({ city }) => `sunny, 21 C in ${city}`,
  { name: "get_weather", description: "Weather in a city", schema: z.object({ city: z.string() }) });

test("chat and stream", async () => {
  const answer = await model().invoke(CAPITAL);
  assert.match(answer.text, /Paris/);
  assert.equal((await whole(model().stream(CAPITAL))).text, answer.text);
});

test("tools, forced and not, whole and streamed", async () => {
  for (const [text, tool_choice] of [[WEATHER, "any"], [WEATHER, "get_weather"], [CALL_BY_ITSELF, "auto"]]) {
    const bound = model().bindTools([getWeather], { tool_choice });
    for (const answer of [await bound.invoke(text), await whole(bound.stream(text))]) {
      assert.deepEqual(answer.tool_calls.map((call) => [call.name, call.args]), [["get_weather", { city: "Paris" }]]);
    }
  }
});

test("schema", async () => {
  const schema = z.object({ name: z.string(), age: z.int() });
  for (const method of ["jsonSchema", "functionCalling"]) {
    assert.equal((await model().withStructuredOutput(schema, { name: "person", method }).invoke(ANN)).age, 31);
  }
});

test("embeddings", async () => {
  const embeddings = new OpenAIEmbeddings({ model: EMBEDDER, apiKey: KEY, configuration: { baseURL: `${EMBED}/v1` } });
  const [vector] = await embeddings.embedDocuments(["a cat", "a dog"]);
  assert.ok(Math.abs(vector.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5); // base64, unpacked well
});

test("errors", async () => {
  await assert.rejects(model().invoke(TOO_LONG), (error) => ContextOverflowError.isInstance(error));
  for (const [more, status] of [[{ model: "other" }, 404], [{ temperature: 9 }, 400], [{ apiKey: "other" }, 401]]) {
    await assert.rejects(model(more).invoke("x"), (error) => error.status === status);
  }
});

test("cancel", async () => {
  await checkCancel(async () => {
    for await (const chunk of await model({ maxTokens: 1500 }).stream(LONG)) if (chunk.text) break;
  });
});

test("retries", async () => {
  await checkRetries(async () => (await model({ maxRetries: 5 }, NARROW).invoke(CAPITAL)).text);
});
