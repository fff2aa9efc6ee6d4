// The page's state: one object, replaced as a whole; components take what they show by useSelected.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Model } from "./api";
import type { Conversation, Settings } from "./types";

export type Theme = "auto" | "light" | "dark";

// What the server said last.
export type Server = { kind: "unknown" | "up" | "locked" } | { kind: "down"; message: string };

export interface State {
  view: "chat" | "dashboard";
  server: Server;
  model: Model | null; // that the next answer is of
  models: Model[]; // all that the server has
  conversations: Conversation[]; // the newest first
  current: string; // an id; empty: a conversation that has yet to begin
  draft: Settings; // of that one, and of those behind it
  running: ReadonlyMap<string, AbortController>; // by conversation
  editing: string; // the id of the message being edited
  listOpen: boolean;
  optionsOpen: boolean;
  dialog: "" | "shortcuts" | "licences";
  showTokens: boolean;
  theme: Theme;
  said: string; // for screen readers
}

const PREFERENCES = "tern.preferences";
const OPEN_CHAT = "tern.chat";
type Preferences = Pick<State, "draft" | "showTokens" | "theme">;

function loadPreferences(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(PREFERENCES) ?? "{}") as Partial<Preferences>;
  } catch {
    return {};
  }
}

export const isNarrow = () => matchMedia("(max-width: 52rem)").matches;

let state: State = {
  view: "chat",
  server: { kind: "unknown" },
  model: null,
  models: [],
  conversations: [],
  current: "",
  draft: { system: "", sampling: {} },
  running: new Map(),
  editing: "",
  listOpen: !isNarrow(),
  optionsOpen: false,
  dialog: "",
  showTokens: false,
  theme: "auto",
  said: "",
  ...loadPreferences(),
};
const listeners = new Set<() => void>();

export const getState = () => state;

// Which conversation this tab showed before it was loaded again.
export const chatOfBefore = () => sessionStorage.getItem(OPEN_CHAT) ?? "";

export function update(change: Partial<State>) {
  if ("current" in change && change.current !== state.current) sessionStorage.setItem(OPEN_CHAT, change.current!);
  state = { ...state, ...change };
  if ("draft" in change || "showTokens" in change || "theme" in change) {
    const { draft, showTokens, theme } = state;
    try {
      localStorage.setItem(PREFERENCES, JSON.stringify({ draft, showTokens, theme }));
    } catch {
      // Full or forbidden: they live as long as the page.
    }
  }
  for (const listener of listeners) listener();
}

// Renders again when what `select` picks is another object.
export function useSelected<T>(select: (state: State) => T): T {
  const latest = useRef(select);
  latest.current = select;
  const [, setSeen] = useState<T>(() => select(state));
  useEffect(() => {
    const listener = () => setSeen(() => latest.current(state));
    listeners.add(listener);
    listener();
    return () => void listeners.delete(listener);
  }, []);
  return select(state);
}

export function currentConversation(of: State): Conversation | undefined {
  return of.conversations.find((conversation) => conversation.id === of.current);
}

export function currentSettings(of: State): Settings {
  return currentConversation(of)?.settings ?? of.draft;
}
