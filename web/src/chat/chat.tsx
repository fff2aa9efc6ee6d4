// The conversation: messages, and the composer below them.
import { useLayoutEffect, useRef } from "preact/hooks";
import { currentConversation, useSelected } from "../state";
import type { Conversation } from "../types";
import { Composer } from "./composer";
import { AnswerView, UserView } from "./message";
import { Options } from "./options";
import { Sidebar } from "./sidebar";

// Follows the end of the text, unless the reader scrolls up from it.
function useFollow(conversation: Conversation | undefined) {
  const box = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const top = useRef(0);
  const count = conversation?.messages.length;
  useLayoutEffect(() => void (following.current = true), [conversation?.id, count]);
  useLayoutEffect(() => {
    if (following.current) box.current!.scrollTop = box.current!.scrollHeight;
  }, [conversation]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    const up = scrollTop < top.current; // text that grows moves the end away, too, but not the reader
    following.current = scrollHeight - scrollTop - clientHeight < 40 || (following.current && !up);
    top.current = scrollTop;
  };
  return { box, onScroll };
}

function Welcome() {
  const model = useSelected((state) => state.model);
  return (
    <div class="welcome">
      <p>{model ? `Talk to ${model.id}` : "Connecting"}</p>
      <p class="note">Chats stay in this browser.<span class="by-keys"> <kbd>Alt H</kbd> lists the keys.</span></p>
    </div>
  );
}

function Messages({ conversation }: { conversation: Conversation }) {
  const busy = useSelected((state) => state.running.has(conversation.id));
  return (
    <>
      {conversation.messages.map((message) =>
        message.role === "user" ? (
          <UserView key={message.id} message={message} busy={busy} />
        ) : (
          <AnswerView key={message.id} conversation={conversation} message={message} />
        ))}
    </>
  );
}

export function Chat() {
  const conversation = useSelected(currentConversation);
  const { box, onScroll } = useFollow(conversation);
  return (
    <div class="chat">
      <Sidebar />
      <main class="talk">
        <div class="messages" ref={box} onScroll={onScroll} tabindex={0} role="region" aria-label="Conversation">
          {conversation && conversation.messages.length > 0 ? <Messages conversation={conversation} /> : <Welcome />}
        </div>
        <Composer />
      </main>
      <Options />
    </div>
  );
}
