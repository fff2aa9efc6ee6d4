// What a conversation is, as it is kept and exported.

// What the request says beside the messages; what is absent is left to the server.
export interface Sampling {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  max_tokens?: number;
  seed?: number;
  repetition_penalty?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
}

export interface Settings {
  system: string;
  sampling: Sampling;
}

export interface TokenInfo {
  text: string;
  logprob: number;
  top: { text: string; logprob: number }[];
}

export interface Usage {
  prompt: number;
  cached: number;
  completion: number;
  first_ms: number; // from the request to the first piece
  total_ms: number;
}

export interface Answer {
  content: string;
  reasoning: string;
  tokens: TokenInfo[];
  finish: "" | "stop" | "length" | "stopped" | "failed"; // empty: still coming
  error?: string;
  note?: string; // what the server did not do
  usage?: Usage;
}

export interface TextFile {
  name: string;
  text: string;
}

export interface UserMessage {
  role: "user";
  id: string;
  content: string;
  files: TextFile[];
}

export interface AssistantMessage {
  role: "assistant";
  id: string;
  answers: Answer[]; // one more with every regeneration
  shown: number;
}

export type Message = UserMessage | AssistantMessage;

export interface Conversation {
  id: string;
  title: string;
  updated: number; // ms since 1970
  settings: Settings;
  messages: Message[];
}

// crypto.randomUUID exists on secure origins only; a page from another machine's http:// address is none.
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function shownAnswer(message: AssistantMessage): Answer {
  return message.answers[message.shown]!;
}
