// Dialogs: the browser's own, which hold the focus, close by Esc, and give the focus back.
import licences from "licences";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { connect } from "./answering";
import { apiKey } from "./api";
import { SHORTCUTS } from "./shortcuts";
import { update, useSelected } from "./state";

function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

const close = () => update({ dialog: "" });

function Shortcuts() {
  return (
    <Dialog title="Keyboard" onClose={close}>
      <dl class="shortcuts">
        {SHORTCUTS.map(({ keys, what }) => (
          <div key={keys}>
            <dt><kbd>{keys}</kbd></dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog" class="row">
        <button type="button" class="plain" onClick={() => update({ dialog: "licences" })}>Licences</button>
        <button autofocus>Close</button>
      </form>
    </Dialog>
  );
}

function Licences() {
  return (
    <Dialog title="What this page is made with" onClose={close}>
      <pre class="licences" tabindex={0}>{licences}</pre>
      <form method="dialog" class="row"><button>Close</button></form>
    </Dialog>
  );
}

function KeyDialog() {
  const [key, setKey] = useState(apiKey.get());
  const wrong = apiKey.get() !== "";
  const enter = (event: Event) => {
    event.preventDefault();
    apiKey.set(key.trim());
    update({ server: { kind: "unknown" } });
    void connect();
  };
  return (
    <Dialog title="API key" onClose={() => update({ server: { kind: "unknown" } })}>
      <form onSubmit={enter}>
        <p>{wrong ? "The server does not know this key." : "The server wants a key."} This tab keeps it until it is closed.</p>
        <label class="field">
          <span>Key</span>
          <input
            id="key" type="password" autocomplete="off" spellcheck={false} value={key} autofocus required
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <div class="row"><button>Use it</button></div>
      </form>
    </Dialog>
  );
}

export function Dialogs() {
  const dialog = useSelected((state) => state.dialog);
  const locked = useSelected((state) => state.server.kind === "locked");
  if (locked) return <KeyDialog />;
  if (dialog === "shortcuts") return <Shortcuts key="shortcuts" />;
  if (dialog === "licences") return <Licences key="licences" />;
  return null;
}

// Resolves to whether the person agreed.
export function ConfirmDialog({ title, action, onDone }: { title: string; action: string; onDone: (yes: boolean) => void }) {
  return (
    <Dialog title={title} onClose={() => onDone(false)}>
      <form method="dialog" class="row">
        <button class="plain">Cancel</button>
        <button type="button" class="danger" onClick={() => onDone(true)}>{action}</button>
      </form>
    </Dialog>
  );
}
