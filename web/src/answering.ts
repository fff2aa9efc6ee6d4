// Answers: asked for, streamed into the state, stopped, asked for again.
import { ApiError, type ChatPiece, type ChatRequest, servedModels, streamChat } from "./api";
import { changeConversation, conversationFor, modelMessage, putFirst } from "./conversations";
import { currentConversation, getState, update } from "./state";
import { type Answer, type AssistantMessage, type Conversation, type Message, type TextFile, newId } from "./types";

const SHOW_MS = 50; // how often a coming answer is drawn
const KEEP_MS = 2000; // how often it is kept

// Asks what is served; that also tells whether the server answers, and whether it wants a key.
export async function connect() {
  try {
    const models = await servedModels();
    const chosen = models.find((model) => model.id === getState().model?.id);
    update({ server: { kind: "up" }, models, model: chosen ?? models[0] ?? null });
  } catch (error) {
    noteFailure(error);
  }
}

export function noteFailure(error: unknown) {
  if (error instanceof ApiError && error.status === 401) return update({ server: { kind: "locked" } });
  if (error instanceof ApiError && error.status === 0) update({ server: { kind: "down", message: error.message } });
}

export function stop() {
  const { running, current } = getState();
  running.get(current)?.abort();
}

export const isRunning = () => getState().running.has(getState().current);

export function send(text: string, files: TextFile[]) {
  const conversation = conversationFor(text || files[0]?.name || "");
  const message: Message = { role: "user", id: newId(), content: text, files };
  void answer(conversation, [...conversation.messages, message], []);
}

// The message with another text, and what follows it anew.
export function sendEdited(id: string, text: string) {
  const conversation = currentConversation(getState());
  const at = conversation?.messages.findIndex((message) => message.id === id) ?? -1;
  const old = conversation?.messages[at];
  if (conversation === undefined || old?.role !== "user") return;
  update({ editing: "" });
  void answer(conversation, [...conversation.messages.slice(0, at), { ...old, content: text }], []);
}

// Answers the same once more; the answers of before stay at hand. Without an id: the last answer.
export function regenerate(id?: string) {
  const conversation = currentConversation(getState());
  if (conversation === undefined || isRunning()) return;
  const { messages } = conversation;
  const at = id === undefined ? messages.length - 1 : messages.findIndex((message) => message.id === id);
  const old = messages[at];
  if (old === undefined) return;
  if (old.role === "user") return void answer(conversation, messages.slice(0, at + 1), []);
  void answer(conversation, messages.slice(0, at), old.answers);
}

// A draft of an answer, filled as pieces come.
class Coming {
  readonly answer: Answer = { content: "", reasoning: "", tokens: [], finish: "" };
  private readonly began = performance.now();
  private first = 0;

  take(piece: ChatPiece) {
    const { answer } = this;
    if (piece.kind === "finish") return void (answer.finish = piece.reason === "length" ? "length" : "stop");
    if (piece.kind === "usage") {
      const { prompt, cached, completion } = piece;
      answer.usage = { prompt, cached, completion, first_ms: this.first, total_ms: performance.now() - this.began };
      return;
    }
    this.first ||= performance.now() - this.began;
    if (piece.kind === "tokens") answer.tokens.push(...piece.tokens);
    if (piece.kind === "reasoning") answer.reasoning += piece.text;
    if (piece.kind === "text") answer.content += piece.text;
  }
}

async function answer(conversation: Conversation, before: Message[], earlier: Answer[]) {
  const { running, model, showTokens } = getState();
  if (running.has(conversation.id)) return;
  const abort = new AbortController();
  const coming = new Coming();
  const id = newId();
  const draw = (keep: boolean) => {
    // The list is copied: what is drawn stays as it was.
    const drawn = { ...coming.answer, tokens: coming.answer.tokens.slice() };
    const message: AssistantMessage = { role: "assistant", id, answers: [...earlier, drawn], shown: earlier.length };
    changeConversation(conversation.id, () => ({ messages: [...before, message] }), keep);
  };
  update({ running: new Map(running).set(conversation.id, abort), said: "Answering" });
  putFirst({ ...conversation, updated: Date.now(), messages: before });
  draw(false);
  const { system, sampling } = conversation.settings;
  const messages = [...(system.trim() === "" ? [] : [{ role: "system", content: system }]), ...before.map(modelMessage)];
  const request = { model: model?.id, messages, sampling, tokens: showTokens };
  try {
    await follow(request, coming, abort.signal, draw);
  } catch (error) {
    fail(coming.answer, error, abort.signal);
  }
  const others = new Map(getState().running);
  others.delete(conversation.id);
  const { content, error, finish } = coming.answer;
  draw(true);
  update({ running: others, said: error ?? (finish === "stopped" ? "Stopped" : `Answer: ${content.slice(0, 300)}`) });
}

type Draw = (keep: boolean) => void;

// Draws what has come by now every so often, the last piece included.
function drawLater(draw: Draw) {
  let timer = 0;
  let kept = performance.now();
  const fire = () => {
    timer = 0;
    const keep = performance.now() - kept > KEEP_MS;
    if (keep) kept = performance.now();
    draw(keep);
  };
  return {
    ask: () => void (timer ||= window.setTimeout(fire, SHOW_MS)),
    cancel: () => clearTimeout(timer),
  };
}

async function follow(request: ChatRequest, coming: Coming, signal: AbortSignal, draw: Draw) {
  const later = drawLater(draw);
  try {
    for await (const piece of streamChat(request, signal)) {
      coming.take(piece);
      later.ask();
    }
  } catch (error) {
    const refused = error instanceof ApiError && error.status === 400 && /logprobs/.test(error.param + error.message);
    if (!request.tokens || !refused) throw error;
    coming.answer.note = "This server does not tell the probabilities of tokens.";
    await follow({ ...request, tokens: false }, coming, signal, draw);
  } finally {
    later.cancel();
  }
  coming.answer.finish ||= "stop";
}

function fail(answer: Answer, error: unknown, signal: AbortSignal) {
  if (signal.aborted) return void (answer.finish = "stopped");
  answer.finish = "failed";
  const away = error instanceof ApiError && error.status === 0; // the bar on top says so
  answer.error = away ? "Not answered." : error instanceof Error ? error.message : String(error);
  noteFailure(error);
}
