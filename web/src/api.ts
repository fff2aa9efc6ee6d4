// The server, as this page asks it.
import { readEvents } from "./sse";
import type { Sampling, TokenInfo } from "./types";

const KEY = "tern.key";

// The key lives as long as the tab.
export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (key: string) => sessionStorage.setItem(KEY, key),
};

export class ApiError extends Error {
  constructor(readonly status: number, message: string, readonly param = "") {
    super(message);
  }
}

interface ErrorBody {
  error?: { message?: string; param?: string | null };
}

// What a person is told: of a full queue no numbers, which are for programs.
function told(response: Response, { error }: ErrorBody): string {
  const seconds = Number(response.headers.get("retry-after"));
  const again = seconds > 0 ? ` Try again in ${seconds === 1 ? "a second" : `${seconds} seconds`}.` : "";
  if (response.status === 429) return `The server is busy with other requests.${again}`;
  const message = error?.message ?? `the server answered ${response.status}`;
  return again === "" ? message : `${message}.${again}`;
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (apiKey.get() !== "") headers["authorization"] = `Bearer ${apiKey.get()}`;
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, cache: "no-store" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => ({}))) as ErrorBody;
  throw new ApiError(response.status, told(response, body), body.error?.param ?? "");
}

export async function getJson<T>(path: string): Promise<T> {
  return (await (await request(path)).json()) as T;
}

export interface Model {
  id: string;
  max_model_len?: number;
}

export async function servedModels(): Promise<Model[]> {
  return (await getJson<{ data: Model[] }>("/v1/models")).data;
}

export interface ChatRequest {
  model: string | undefined;
  messages: { role: string; content: string }[];
  sampling: Sampling;
  tokens: boolean; // ask for their probabilities, too
}

// One thing that the stream said.
export type ChatPiece =
  | { kind: "text" | "reasoning"; text: string }
  | { kind: "tokens"; tokens: TokenInfo[] }
  | { kind: "finish"; reason: string }
  | { kind: "usage"; prompt: number; cached: number; completion: number };

interface Logprob {
  token: string;
  logprob: number;
  top_logprobs?: Logprob[];
}
interface Chunk extends ErrorBody {
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null };
    logprobs?: { content?: Logprob[] | null } | null;
    finish_reason?: string | null;
  }[];
  usage?: {
    prompt_tokens: number;
    completion_tokens: number;
    prompt_tokens_details?: { cached_tokens?: number } | null;
  } | null;
}

const tokenInfo = (of: Logprob): TokenInfo => ({
  text: of.token,
  logprob: of.logprob,
  top: (of.top_logprobs ?? []).map(({ token, logprob }) => ({ text: token, logprob })),
});

function* pieces(chunk: Chunk): Generator<ChatPiece> {
  if (chunk.error) throw new ApiError(500, chunk.error.message ?? "The server failed.");
  const choice = chunk.choices?.[0];
  if (choice?.logprobs?.content) yield { kind: "tokens", tokens: choice.logprobs.content.map(tokenInfo) };
  if (choice?.delta?.reasoning_content) yield { kind: "reasoning", text: choice.delta.reasoning_content };
  if (choice?.delta?.content) yield { kind: "text", text: choice.delta.content };
  if (choice?.finish_reason) yield { kind: "finish", reason: choice.finish_reason };
  if (chunk.usage) {
    yield {
      kind: "usage",
      prompt: chunk.usage.prompt_tokens,
      cached: chunk.usage.prompt_tokens_details?.cached_tokens ?? 0,
      completion: chunk.usage.completion_tokens,
    };
  }
}

export async function* streamChat(chat: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatPiece> {
  const body = {
    model: chat.model,
    messages: chat.messages,
    stream: true,
    stream_options: { include_usage: true },
    ...chat.sampling,
    ...(chat.tokens ? { logprobs: true, top_logprobs: 5 } : {}),
  };
  const response = await request("/v1/chat/completions", { method: "POST", body: JSON.stringify(body), signal });
  const events = readEvents(response.body!);
  for (;;) {
    const next = await events.next().catch(() => ({ done: true, value: undefined }));
    if (next.value === "[DONE]") return;
    if (next.value === undefined) break;
    yield* pieces(JSON.parse(next.value) as Chunk);
  }
  throw new ApiError(response.status, "The answer was cut off.");
}
