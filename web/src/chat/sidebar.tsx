// The list of conversations, all of them kept in this browser.
import { useRef, useState } from "preact/hooks";
import {
  exportConversations, importConversations, newChat, openConversation, removeConversation, renameConversation,
} from "../conversations";
import { ConfirmDialog } from "../dialogs";
import { Icon, IconButton } from "../icons";
import { focusInput } from "../shortcuts";
import { getState, isNarrow, update, useSelected } from "../state";
import type { Conversation } from "../types";

const closeIfNarrow = () => isNarrow() && update({ listOpen: false });

function Rename({ of, onDone }: { of: Conversation; onDone: () => void }) {
  const ended = useRef(false); // what is taken away loses the focus, too
  const end = (title: string) => {
    if (ended.current) return;
    ended.current = true;
    renameConversation(of.id, title);
    onDone();
  };
  return (
    <input
      class="rename" aria-label="Title" value={of.title} maxLength={200} ref={(input) => input?.focus()}
      onBlur={(event) => end(event.currentTarget.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") end(event.currentTarget.value);
        if (event.key === "Escape") end("");
      }}
    />
  );
}

function Item({ of, current, running }: { of: Conversation; current: boolean; running: boolean }) {
  const [renaming, setRenaming] = useState(false);
  const [removing, setRemoving] = useState(false);
  if (renaming) return <li class="current"><Rename of={of} onDone={() => setRenaming(false)} /></li>;
  const open = () => {
    openConversation(of.id);
    closeIfNarrow();
  };
  const remove = (yes: boolean) => {
    setRemoving(false);
    if (yes) removeConversation(of.id);
  };
  return (
    <li class={current ? "current" : ""}>
      <button
        type="button" class="title" aria-current={current ? "true" : undefined} title={of.title} onClick={open}
        onDblClick={() => setRenaming(true)}
      >
        {running && <span class="dot" role="img" aria-label="answering" />}
        {of.title}
      </button>
      <span class="item-buttons">
        <IconButton icon="edit" label={`Rename ${of.title}`} onClick={() => setRenaming(true)} />
        <IconButton icon="save" label={`Export ${of.title}`} onClick={() => exportConversations([of])} />
        <IconButton icon="remove" label={`Delete ${of.title}`} onClick={() => setRemoving(true)} />
      </span>
      {removing && <ConfirmDialog title={`Delete \u201c${of.title}\u201d?`} action="Delete" onDone={remove} />}
    </li>
  );
}

function Exchange() {
  const picker = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState("");
  const read = async (files: FileList | null) => {
    setProblem("");
    for (const file of files ?? []) {
      await importConversations(file).catch((error: unknown) =>
        setProblem(error instanceof SyntaxError ? `${file.name} is no JSON.` : String((error as Error).message)));
    }
    picker.current!.value = "";
  };
  return (
    <div class="exchange">
      {problem && <p class="problem" role="alert">{problem}</p>}
      <button type="button" class="plain" onClick={() => exportConversations(getState().conversations)}>Export all</button>
      <button type="button" class="plain" onClick={() => picker.current!.click()}>Import</button>
      <input
        ref={picker} type="file" accept=".json" multiple hidden aria-label="Files to import"
        onChange={(event) => void read(event.currentTarget.files)}
      />
    </div>
  );
}

export function Sidebar() {
  const open = useSelected((state) => state.listOpen);
  const conversations = useSelected((state) => state.conversations);
  const current = useSelected((state) => state.current);
  const running = useSelected((state) => state.running);
  if (!open) return null;
  const start = () => {
    newChat();
    closeIfNarrow();
    setTimeout(focusInput);
  };
  return (
    <>
      <div class="backdrop" onClick={() => update({ listOpen: false })} />
      <nav class="sidebar" aria-label="Chats">
        <button type="button" class="new" title="New chat (Alt N)" onClick={start}><Icon name="plus" />New chat</button>
        <ul>
          {conversations.map((of) => (
            <Item key={of.id} of={of} current={of.id === current} running={running.has(of.id)} />
          ))}
        </ul>
        <Exchange />
      </nav>
    </>
  );
}
