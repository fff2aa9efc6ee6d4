// One message: what a person wrote, or what the model answered.
import { memo } from "preact/compat";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { regenerate, sendEdited } from "../answering";
import { copyText } from "../clipboard";
import { showAnswer } from "../conversations";
import { IconButton } from "../icons";
import { COPY_LABEL, type Block, renderMarkdown } from "../markdown";
import { update, useSelected } from "../state";
import { type Answer, type AssistantMessage, type Conversation, type Usage, type UserMessage, shownAnswer } from "../types";
import { Tokens } from "./tokens";

function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setCopied(true);
    update({ said: "Copied" });
    setTimeout(() => setCopied(false), 1500);
  };
  return <IconButton icon={copied ? "check" : "copy"} label={label} onClick={() => void copy()} />;
}

const BlockView = memo(
  ({ block }: { block: Block }) => <div dangerouslySetInnerHTML={{ __html: block.html as unknown as string }} />,
  (before, after) => before.block.html === after.block.html,
);

// The buttons of code blocks are part of the HTML: one listener for all of them.
function onCodeButton(event: MouseEvent) {
  const button = (event.target as HTMLElement).closest<HTMLElement>("[data-copy]");
  const code = button?.closest(".code")?.querySelector("pre")?.textContent;
  if (!button || code == null) return;
  void copyText(code).then((copied) => {
    button.textContent = copied ? "Copied" : "Not copied";
    update({ said: button.textContent });
    setTimeout(() => (button.textContent = COPY_LABEL), 1500);
  });
}

function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => renderMarkdown(text), [text]);
  return (
    <div class="markdown" onClick={onCodeButton}>
      {blocks.map((block, index) => <BlockView key={index} block={block} />)}
    </div>
  );
}

function Reasoning({ text, live }: { text: string; live: boolean }) {
  const words = text.split(/\s+/).filter((word) => word !== "").length;
  return (
    <details class="reasoning">
      <summary>{live ? "Thinking" : "Thought"}: {words} words</summary>
      <Markdown text={text} />
    </details>
  );
}

function figures({ prompt, cached, completion, first_ms, total_ms }: Usage): string {
  const seconds = (total_ms - first_ms) / 1000;
  const rate = completion > 1 && seconds > 0 ? `${((completion - 1) / seconds).toFixed(0)} tokens/s` : "";
  const from = `${prompt} tokens read${cached > 0 ? ` (${cached} cached)` : ""}`;
  return [from, `first after ${first_ms.toFixed(0)} ms`, `${completion} written`, rate].filter(Boolean).join(" \u00b7 ");
}

const ENDINGS: Record<Answer["finish"], string> = {
  "": "", stop: "", failed: "", length: "The longest answer allowed ends here.", stopped: "Stopped.",
};

function Foot({ answer }: { answer: Answer }) {
  return (
    <>
      {answer.error && <p class="problem" role="alert">{answer.error}</p>}
      {ENDINGS[answer.finish] && <p class="note">{ENDINGS[answer.finish]}</p>}
      {answer.note && <p class="note">{answer.note}</p>}
      {answer.usage && <p class="figures">{figures(answer.usage)}</p>}
    </>
  );
}

function Versions({ conversation, message }: { conversation: Conversation; message: AssistantMessage }) {
  const { answers, shown } = message;
  if (answers.length < 2) return null;
  const to = (index: number) => () => showAnswer(conversation, message, index);
  return (
    <span class="versions">
      <IconButton icon="previous" label="Answer before" disabled={shown === 0} onClick={to(shown - 1)} />
      {shown + 1}/{answers.length}
      <IconButton icon="next" label="Answer behind" disabled={shown === answers.length - 1} onClick={to(shown + 1)} />
    </span>
  );
}

export function AnswerView({ conversation, message }: { conversation: Conversation; message: AssistantMessage }) {
  const showTokens = useSelected((state) => state.showTokens);
  const answer = shownAnswer(message);
  const coming = answer.finish === "";
  const waiting = coming && answer.content === "";
  return (
    <article class="message assistant" aria-busy={coming}>
      <h2 class="hidden">Answer</h2>
      {answer.reasoning && <Reasoning text={answer.reasoning} live={waiting} />}
      {waiting && <p class="waiting" aria-label="The answer is coming"><i /><i /><i /></p>}
      {showTokens && answer.tokens.length > 0 ? <Tokens tokens={answer.tokens} /> : <Markdown text={answer.content} />}
      <Foot answer={answer} />
      {!coming && (
        <div class="message-buttons">
          <CopyButton text={answer.content} label="Copy the answer" />
          <IconButton icon="repeat" label="Answer again" keys="Alt R" onClick={() => regenerate(message.id)} />
          <Versions conversation={conversation} message={message} />
        </div>
      )}
    </article>
  );
}

function Editor({ message }: { message: UserMessage }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    area.current!.focus();
    area.current!.setSelectionRange(message.content.length, message.content.length);
  }, []);
  const send = (event: Event) => {
    event.preventDefault();
    sendEdited(message.id, area.current!.value);
    document.getElementById("input")?.focus();
  };
  return (
    <form onSubmit={send}>
      <textarea
        ref={area} aria-label="Your message" defaultValue={message.content} rows={3}
        onKeyDown={(event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && send(event)}
      />
      <p class="note">What follows is answered anew.</p>
      <div class="row">
        <button type="button" class="plain" onClick={() => update({ editing: "" })}>Cancel</button>
        <button>Send</button>
      </div>
    </form>
  );
}

export function UserView({ message, busy }: { message: UserMessage; busy: boolean }) {
  const editing = useSelected((state) => state.editing === message.id);
  return (
    <article class={`message user ${editing ? "editing" : ""}`}>
      <h2 class="hidden">You</h2>
      {message.files.map(({ name, text }) => (
        <details class="file" key={name}>
          <summary>{name}<small>{text.length.toLocaleString()} characters</small></summary>
          <pre tabindex={0}>{text}</pre>
        </details>
      ))}
      {editing ? <Editor message={message} /> : <div class="said">{message.content}</div>}
      {!editing && (
        <div class="message-buttons">
          <CopyButton text={message.content} label="Copy your message" />
          <IconButton
            icon="edit" label="Edit your message" keys="Alt U" disabled={busy}
            onClick={() => update({ editing: message.id })}
          />
        </div>
      )}
    </article>
  );
}
