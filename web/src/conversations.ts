// What can be done to conversations, apart from answering (answering.ts). All go through the state and the database.
import { database } from "./database";
import { chatOfBefore, currentConversation, getState, update } from "./state";
import { type Conversation, type Message, type Settings, newId, shownAnswer } from "./types";

const TITLE_LENGTH = 48;

// Makes it the newest.
export function putFirst(next: Conversation) {
  const others = getState().conversations.filter((conversation) => conversation.id !== next.id);
  update({ conversations: [next, ...others] });
  void database.put(next);
}

export function findConversation(id: string): Conversation | undefined {
  return getState().conversations.find((conversation) => conversation.id === id);
}

// Kept in the database, too, unless it is about to change again.
export function changeConversation(id: string, change: (of: Conversation) => Partial<Conversation>, keep = true) {
  const old = findConversation(id);
  if (old === undefined) return;
  const next = { ...old, ...change(old) };
  update({ conversations: getState().conversations.map((conversation) => (conversation === old ? next : conversation)) });
  if (keep) void database.put(next);
}

function startConversation(title: string): Conversation {
  const conversation = { id: newId(), title, updated: Date.now(), settings: getState().draft, messages: [] };
  update({ current: conversation.id });
  return conversation;
}

// The current conversation, or a new one.
export function conversationFor(text: string): Conversation {
  const title = text.trim().split("\n")[0]!.slice(0, TITLE_LENGTH) || "New chat";
  return currentConversation(getState()) ?? startConversation(title);
}

export function newChat() {
  update({ current: "", editing: "", view: "chat" });
}

export function openConversation(id: string) {
  update({ current: id, editing: "", view: "chat" });
}

export function renameConversation(id: string, title: string) {
  if (title.trim() !== "") changeConversation(id, () => ({ title: title.trim() }));
}

export function removeConversation(id: string) {
  const { conversations, current, running } = getState();
  running.get(id)?.abort();
  update({
    conversations: conversations.filter((conversation) => conversation.id !== id),
    current: current === id ? "" : current,
  });
  void database.remove(id);
}

// Settings are the conversation's; the next one begins with what was chosen last.
export function changeSettings(change: Partial<Settings>) {
  const conversation = currentConversation(getState());
  const settings = { ...(conversation?.settings ?? getState().draft), ...change };
  update({ draft: settings });
  if (conversation) changeConversation(conversation.id, () => ({ settings }));
}

export function showAnswer(conversation: Conversation, message: Message, shown: number) {
  changeConversation(conversation.id, ({ messages }) => ({
    messages: messages.map((other) => (other === message && other.role === "assistant" ? { ...other, shown } : other)),
  }));
}

export async function loadConversations() {
  const before = chatOfBefore();
  const stored = (await database.all()).map(withoutLooseEnds);
  // What has begun while they were read wins.
  const known = new Set(getState().conversations.map(({ id }) => id));
  const all = [...getState().conversations, ...stored.filter(({ id }) => !known.has(id))];
  const { current } = getState();
  const open = current === "" && known.size === 0 && all.some(({ id }) => id === before) ? before : current;
  update({ conversations: all.sort((a, b) => b.updated - a.updated), current: open });
}

// An answer that was still coming when the page was closed has ended there.
function withoutLooseEnds(conversation: Conversation): Conversation {
  const messages = conversation.messages.map((message): Message => {
    if (message.role === "user" || message.answers.every((answer) => answer.finish !== "")) return message;
    const answers = message.answers.map((a) => (a.finish === "" ? { ...a, finish: "stopped" as const } : a));
    return { ...message, answers };
  });
  return { ...conversation, messages };
}

export function saveFile(name: string, text: string, type: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function exportConversations(conversations: Conversation[]) {
  const name = conversations.length === 1 ? conversations[0]!.title.replace(/[^\p{L}\p{N}]+/gu, "-") : "conversations";
  saveFile(`${name}.json`, JSON.stringify({ tern: 1, conversations }, null, 2), "application/json");
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const textOf = (value: unknown) => (typeof value === "string" ? value : "");

// Whatever is in a file: only what this page understands of it gets in.
function readMessage(value: unknown): Message | null {
  if (!isObject(value)) return null;
  if (value.role === "user") {
    const files = Array.isArray(value.files) ? value.files.filter(isObject) : [];
    return {
      role: "user", id: newId(), content: textOf(value.content),
      files: files.map((file) => ({ name: textOf(file.name), text: textOf(file.text) })),
    };
  }
  const answers = (Array.isArray(value.answers) ? value.answers : []).filter(isObject).map((answer) => ({
    content: textOf(answer.content), reasoning: textOf(answer.reasoning), tokens: [], finish: "stop" as const,
  }));
  const shown = Math.min(Math.max(Number(value.shown) || 0, 0), answers.length - 1);
  return answers.length === 0 ? null : { role: "assistant", id: newId(), answers, shown };
}

// Throws what to tell the person.
export async function importConversations(file: File) {
  const parsed: unknown = JSON.parse(await file.text());
  if (!isObject(parsed) || parsed.tern !== 1 || !Array.isArray(parsed.conversations)) {
    throw new Error(`${file.name} is no export of this page.`);
  }
  for (const value of parsed.conversations.filter(isObject)) {
    const messages = (Array.isArray(value.messages) ? value.messages : []).map(readMessage);
    putFirst({
      id: newId(),
      title: textOf(value.title) || "Imported",
      updated: Date.now(),
      settings: { system: textOf(isObject(value.settings) ? value.settings.system : ""), sampling: {} },
      messages: messages.filter((message) => message !== null),
    });
  }
}

// A message as the model gets it.
export function modelMessage(message: Message): { role: string; content: string } {
  if (message.role === "assistant") return { role: "assistant", content: shownAnswer(message).content };
  const files = message.files.map(({ name, text }) => `File ${name}:\n\`\`\`\n${text}\n\`\`\`\n\n`);
  return { role: "user", content: files.join("") + message.content };
}
