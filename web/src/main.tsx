import { render } from "preact";
import { useEffect } from "preact/hooks";
import { connect } from "./answering";
import { Chat } from "./chat/chat";
import { loadConversations } from "./conversations";
import { Dashboard } from "./dashboard/dashboard";
import { Dialogs } from "./dialogs";
import { IconButton } from "./icons";
import { listenToKeys } from "./shortcuts";
import { type State, type Theme, getState, update, useSelected } from "./state";
import "uplot/dist/uPlot.min.css";
import "./style/page.css";
import "./style/chat.css";
import "./style/text.css";
import "./style/dashboard.css";

const NEXT_THEME: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const THEME_NAMES: Record<Theme, string> = { auto: "as the system", light: "light", dark: "dark" };
const RETRY_MS = 3000;

// Where the server has several, which one answers next.
function ModelChoice() {
  const model = useSelected((state) => state.model);
  const models = useSelected((state) => state.models);
  if (models.length < 2) return <span class="model" title={model?.id}>{model?.id}</span>;
  return (
    <select
      class="model" aria-label="Model" value={model?.id}
      onChange={(event) => update({ model: models.find(({ id }) => id === event.currentTarget.value) ?? null })}
    >
      {models.map(({ id }) => <option key={id} value={id}>{id}</option>)}
    </select>
  );
}

function Header() {
  const view = useSelected((state) => state.view);
  const { listOpen, optionsOpen, theme } = useSelected((state: State) => state);
  const onChat = view === "chat";
  return (
    <header>
      {onChat && (
        <IconButton
          icon="list" label="Chats" keys="Alt L" expanded={listOpen} onClick={() => update({ listOpen: !listOpen })}
        />
      )}
      <h1>Tern</h1>
      <ModelChoice />
      <IconButton
        icon={onChat ? "chart" : "chat"} label={onChat ? "Dashboard" : "Chat"} keys="Alt G"
        onClick={() => update({ view: onChat ? "dashboard" : "chat" })}
      />
      <IconButton
        icon="theme" label={`Colours: ${THEME_NAMES[theme]}`} onClick={() => update({ theme: NEXT_THEME[theme] })}
      />
      <button
        type="button" class="icon-button help" title="Keyboard (Alt H)" aria-label="Keyboard"
        onClick={() => update({ dialog: "shortcuts" })}
      >?</button>
      {onChat && (
        <IconButton
          icon="options" label="Options" keys="Alt O" expanded={optionsOpen}
          onClick={() => update({ optionsOpen: !optionsOpen })}
        />
      )}
    </header>
  );
}

// While the server cannot be reached, it is asked again and again.
function ServerBar() {
  const server = useSelected((state) => state.server);
  useEffect(() => {
    if (server.kind !== "down") return;
    const timer = setInterval(() => void connect(), RETRY_MS);
    return () => clearInterval(timer);
  }, [server.kind]);
  if (server.kind !== "down") return null;
  return <p class="server-bar" role="alert">{server.message} Trying again.</p>;
}

function Page() {
  const view = useSelected((state) => state.view);
  const theme = useSelected((state) => state.theme);
  const said = useSelected((state) => state.said);
  useEffect(() => void (document.documentElement.dataset["theme"] = theme), [theme]);
  return (
    <>
      <Header />
      <ServerBar />
      {view === "chat" ? <Chat /> : <Dashboard />}
      <div class="hidden" role="status">{said}</div>
      <Dialogs />
    </>
  );
}

document.documentElement.dataset["theme"] = getState().theme;
if (location.hash === "#dashboard") update({ view: "dashboard" });
listenToKeys();
render(<Page />, document.getElementById("app")!);
void loadConversations();
void connect();
