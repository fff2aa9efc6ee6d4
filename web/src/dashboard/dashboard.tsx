// What the server does right now.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { DebugState, LedgerPool } from "./debug_state";
import { type Sample, line, rate, useHistory } from "./history";
import { KvBlocks } from "./kv_blocks";
import { Plot } from "./plot";

function Panel({ title, wide, children }: { title: string; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={wide ? "panel wide" : "panel"} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

const Unknown = () => <p class="note">This server does not report it.</p>;

const REQUEST_STATES = ["waiting", "running", "prefilling", "finished", "cancelled", "refused", "failed"] as const;
const LABELS: Partial<Record<(typeof REQUEST_STATES)[number], string>> = { prefilling: "in prefill" };

function Requests({ of }: { of: DebugState["requests"] }) {
  if (of === undefined) return <Unknown />;
  return (
    <dl class="counts">
      {REQUEST_STATES.filter((state) => of[state] !== undefined).map((state) => (
        <div key={state}><dt>{LABELS[state] ?? state}</dt><dd>{of[state]!.toLocaleString()}</dd></div>
      ))}
    </dl>
  );
}

function Batch({ of }: { of: DebugState["batch"] }) {
  if (of === undefined) return <Unknown />;
  const { running, prefilling, capacity, tokens } = of;
  const more = [
    prefilling ? `, ${prefilling} of them in prefill` : "",
    tokens ? `, ${tokens.toLocaleString()} ${tokens === 1 ? "token" : "tokens"} in the last step` : "",
  ];
  return (
    <>
      <div class="seats" role="img" aria-label={`${running} of ${capacity} sequences in use`}>
        {capacity <= 64 && Array.from({ length: capacity }, (_, i) => <i key={i} class={i < running ? "taken" : ""} />)}
      </div>
      <p class="note">
        <b>{running}</b> of {capacity} sequences{more.join("")}
      </p>
    </>
  );
}

function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const at = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** at;
  return `${value.toFixed(value < 10 && at > 0 ? 1 : 0)} ${units[at]}`;
}

const share = (part: number) => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;

function Ledger({ of }: { of: DebugState["ledger"] }) {
  if (of === undefined) return <Unknown />;
  const total = of.pools.reduce((sum, pool) => sum + pool.bytes, 0);
  const most = Math.max(of.limit_bytes ?? total, total, 1);
  const row = ({ name, bytes: size }: LedgerPool) => {
    const called = name.replaceAll("_", " ");
    return (
      <tr key={name}>
        <th scope="row">{called}</th>
        <td class="bar"><meter min={0} max={most} value={size} aria-label={`${called}: share of the memory`} /></td>
        <td class="figure">{share(size / most)}</td>
        <td class="figure">{bytes(size)}</td>
      </tr>
    );
  };
  return (
    <>
      <table>
        <thead>
          <tr><th scope="col">set aside for</th><th scope="col" colSpan={2}>share of the memory</th><th scope="col">size</th></tr>
        </thead>
        <tbody>{of.pools.map(row)}</tbody>
      </table>
      <p class="note">
        <b>{bytes(total)}</b>
        {of.limit_bytes === undefined ? "" : ` of the ${bytes(of.limit_bytes)} that this process may use`}
      </p>
    </>
  );
}

function Prefixes({ of }: { of: DebugState["prefixes"] }) {
  if (of === undefined) return <Unknown />;
  if (of.length === 0) return <p class="note">None yet.</p>;
  return (
    <table>
      <thead>
        <tr><th scope="col">prefix</th><th scope="col">tokens</th><th scope="col">hits</th><th scope="col">last hit</th></tr>
      </thead>
      <tbody>
        {of.map(({ id, tokens, hits, age_s }) => (
          <tr key={id}>
            <th scope="row"><code>{id.slice(0, 12)}</code></th>
            <td class="figure">{tokens.toLocaleString()}</td>
            <td class="figure">{hits.toLocaleString()}</td>
            <td class="figure">{age_s === undefined ? "\u2013" : `${duration(age_s)} ago`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Latency({ samples, times, pick }: { samples: Sample[]; times: number[]; pick: "ttft_ms" | "itl_ms" }) {
  if (samples.every(({ state }) => state[pick] === undefined)) return <Unknown />;
  const lines = [
    { label: "p50", values: line(samples, (state) => state[pick]?.p50) },
    { label: "p99", values: line(samples, (state) => state[pick]?.p99) },
  ];
  return <Plot times={times} unit="ms" lines={lines} />;
}

function Traffic({ samples, times }: { samples: Sample[]; times: number[] }) {
  const lines = [
    { label: "written", values: rate(samples, (state) => state.tokens?.completion) },
    { label: "read", values: rate(samples, (state) => state.tokens?.prompt) },
  ];
  return <Plot times={times} unit="tokens/s" lines={lines} />;
}

function Queue({ samples, times }: { samples: Sample[]; times: number[] }) {
  const lines = [
    { label: "running", values: line(samples, (state) => state.requests?.running) },
    { label: "waiting", values: line(samples, (state) => state.requests?.waiting) },
  ];
  return <Plot times={times} unit="" lines={lines} />;
}

function duration(seconds: number): string {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]] as const;
  const at = parts.findIndex(([size]) => seconds >= size);
  if (at < 0) return "0 s";
  const [size, unit] = parts[at]!;
  const next = parts[at + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 ? ` ${rest} ${next![1]}` : ""}`;
}

function About({ state }: { state: DebugState }) {
  const said = [
    state.model,
    state.context === undefined ? "" : `context ${state.context.toLocaleString()}`,
    state.uptime_s === undefined ? "" : `up ${duration(state.uptime_s)}`,
    state.draining ? "shutting down" : "",
  ];
  return <p class="about">{said.filter(Boolean).join(" \u00b7 ")}</p>;
}

function Panels({ state, samples, times }: { state: DebugState; samples: Sample[]; times: number[] }) {
  return (
    <>
      <About state={state} />
      <div class="panels">
        <Panel title="Requests"><Requests of={state.requests} /></Panel>
        <Panel title="Batch"><Batch of={state.batch} /></Panel>
        <Panel title="At work"><Queue samples={samples} times={times} /></Panel>
        <Panel title="Throughput"><Traffic samples={samples} times={times} /></Panel>
        <Panel title="Time to first token"><Latency samples={samples} times={times} pick="ttft_ms" /></Panel>
        <Panel title="Time between tokens"><Latency samples={samples} times={times} pick="itl_ms" /></Panel>
        <Panel title="KV blocks" wide>{state.kv ? <KvBlocks kv={state.kv} /> : <Unknown />}</Panel>
        <Panel title="Memory"><Ledger of={state.ledger} /></Panel>
        <Panel title="Hottest prefixes"><Prefixes of={state.prefixes} /></Panel>
      </div>
    </>
  );
}

export function Dashboard() {
  const { samples, problem } = useHistory();
  const times = useMemo(() => samples.map(({ time }) => time), [samples]);
  const state = samples.at(-1)?.state;
  useEffect(() => {
    history.replaceState(null, "", "#dashboard");
    return () => history.replaceState(null, "", location.pathname);
  }, []);
  return (
    <main class="dashboard" tabindex={0} aria-label="Dashboard">
      {problem && <p class="problem" role="alert">{problem}</p>}
      {state && <Panels state={state} samples={samples} times={times} />}
    </main>
  );
}
