// Everything the keyboard does. With Alt (Option), by the key's place: letters alone belong to whoever types, and Option
// makes other letters of them.
import { isRunning, regenerate, stop } from "./answering";
import { copyText } from "./clipboard";
import { newChat } from "./conversations";
import { currentConversation, getState, update } from "./state";
import { shownAnswer } from "./types";

interface Shortcut {
  keys: string;
  what: string;
  code?: string; // with Alt
  run?: () => void;
}

export const focusInput = () => document.getElementById("input")?.focus();

function editLast() {
  const messages = currentConversation(getState())?.messages ?? [];
  const last = messages.findLast((message) => message.role === "user");
  if (last !== undefined && !isRunning()) update({ editing: last.id });
}

function copyLast() {
  const last = currentConversation(getState())?.messages.findLast((message) => message.role === "assistant");
  if (last?.role !== "assistant") return;
  void copyText(shownAnswer(last).content).then((copied) => update({ said: copied ? "Copied" : "Not copied" }));
}

const inChat = (change: () => void) => () => {
  update({ view: "chat" });
  change();
};

export const SHORTCUTS: Shortcut[] = [
  { keys: "Enter", what: "Send" },
  { keys: "Shift Enter", what: "New line" },
  { keys: "Esc", what: "Stop the answer; close what is open" },
  { keys: "\u2191 in an empty input", what: "Edit your last message" },
  { keys: "Alt N", what: "New chat", code: "KeyN", run: () => (newChat(), setTimeout(focusInput)) },
  { keys: "Alt I", what: "To the input", code: "KeyI", run: inChat(() => setTimeout(focusInput)) },
  { keys: "Alt U", what: "Edit your last message", code: "KeyU", run: editLast },
  { keys: "Alt R", what: "Answer again", code: "KeyR", run: () => regenerate() },
  { keys: "Alt C", what: "Copy the last answer", code: "KeyC", run: copyLast },
  { keys: "Alt K", what: "Show tokens, or the text", code: "KeyK", run: inChat(() => update({ showTokens: !getState().showTokens })) },
  { keys: "Alt L", what: "List of chats", code: "KeyL", run: () => update({ listOpen: !getState().listOpen }) },
  { keys: "Alt O", what: "Options", code: "KeyO", run: inChat(() => update({ optionsOpen: !getState().optionsOpen })) },
  {
    keys: "Alt G", what: "Dashboard, or the chat", code: "KeyG",
    run: () => update({ view: getState().view === "chat" ? "dashboard" : "chat" }),
  },
  { keys: "Alt H", what: "This list", code: "KeyH", run: () => update({ dialog: "shortcuts" }) },
];

export { editLast };

function onKey(event: KeyboardEvent) {
  if (document.querySelector("dialog[open]") !== null) return; // it has the keyboard
  if (event.key === "Escape") return onEscape();
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const shortcut = SHORTCUTS.find(({ code }) => code === event.code);
  if (shortcut?.run === undefined) return;
  event.preventDefault();
  shortcut.run();
}

function onEscape() {
  if (getState().editing !== "") return update({ editing: "" });
  if (isRunning()) stop();
}

export function listenToKeys() {
  addEventListener("keydown", onKey);
}
