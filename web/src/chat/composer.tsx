// Where a person writes: the text, the files beside it, send and stop.
import { useEffect, useRef, useState } from "preact/hooks";
import { isRunning, send, stop } from "../answering";
import { Icon, IconButton } from "../icons";
import { editLast } from "../shortcuts";
import { isNarrow, useSelected } from "../state";
import type { TextFile } from "../types";

const MAX_FILE_BYTES = 1 << 20;

// Throws what to tell the person.
async function readText(file: File): Promise<TextFile> {
  if (file.size > MAX_FILE_BYTES) throw new Error(`${file.name} has more than a megabyte.`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    if (!text.includes("\0")) return { name: file.name, text };
  } catch {
    // Said below.
  }
  throw new Error(`${file.name} is no text.`);
}

function FileList({ files, onRemove }: { files: TextFile[]; onRemove: (file: TextFile) => void }) {
  if (files.length === 0) return null;
  return (
    <ul class="files" aria-label="Attached files">
      {files.map((file) => (
        <li key={file.name}>
          {file.name}
          <IconButton icon="close" label={`Take ${file.name} away`} onClick={() => onRemove(file)} />
        </li>
      ))}
    </ul>
  );
}

function useFiles() {
  const [files, setFiles] = useState<TextFile[]>([]);
  const [problem, setProblem] = useState("");
  const add = async (more: Iterable<File>) => {
    setProblem("");
    for (const file of more) {
      try {
        const read = await readText(file);
        setFiles((before) => [...before.filter(({ name }) => name !== read.name), read]);
      } catch (error) {
        setProblem((error as Error).message);
      }
    }
  };
  return { files, setFiles, problem, add };
}

export function Composer() {
  const [text, setText] = useState("");
  const { files, setFiles, problem, add } = useFiles();
  const running = useSelected((state) => state.running.has(state.current));
  const current = useSelected((state) => state.current);
  const picker = useRef<HTMLInputElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => void (isNarrow() || area.current?.focus()), [current]);

  const submit = (event: Event) => {
    event.preventDefault();
    if (isRunning() || (text.trim() === "" && files.length === 0)) return;
    send(text, files);
    setText("");
    setFiles([]);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
    if (event.key === "ArrowUp" && text === "") {
      event.preventDefault();
      editLast();
    }
  };
  const take = (event: Event, from: DataTransfer | null) => {
    if (!from || from.files.length === 0) return;
    event.preventDefault();
    void add([...from.files]);
  };
  return (
    <form
      class="composer" onSubmit={submit} onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => take(event, event.dataTransfer)}
    >
      {problem && <p class="problem" role="alert">{problem}</p>}
      <FileList files={files} onRemove={(file) => setFiles(files.filter((other) => other !== file))} />
      <div class="composer-row">
        <IconButton icon="attach" label="Attach a text file" onClick={() => picker.current!.click()} />
        <input
          ref={picker} type="file" multiple hidden aria-label="Files to attach"
          onChange={(event) => {
            void add([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
        <textarea
          id="input" ref={area} rows={1} aria-label="Message" placeholder="Message" value={text}
          onInput={(event) => setText(event.currentTarget.value)} onKeyDown={onKey}
          onPaste={(event) => take(event, event.clipboardData)}
        />
        {running ? (
          <button type="button" class="go" title="Stop (Esc)" aria-label="Stop" onClick={stop}><Icon name="stop" /></button>
        ) : (
          <button class="go" title="Send (Enter)" aria-label="Send" disabled={text.trim() === "" && files.length === 0}>
            <Icon name="send" />
          </button>
        )}
      </div>
    </form>
  );
}
