// GET /debug/state, as web/README.md describes it. Whatever is absent, the server does not know; the page then says so.

export interface Quantiles {
  p50: number;
  p99: number;
}

export interface LedgerPool {
  name: string;
  bytes: number;
}

export interface HotPrefix {
  id: string; // of its tokens' hash: never their text
  tokens: number;
  hits: number;
  age_s?: number; // since the last hit
}

export interface DebugState {
  model?: string;
  context?: number;
  uptime_s?: number;
  draining?: boolean;
  requests?: Partial<Record<"waiting" | "prefilling" | "running" | "finished" | "refused" | "cancelled" | "failed", number>>;
  tokens?: Partial<Record<"prompt" | "cached" | "completion", number>>; // since the start
  ttft_ms?: Quantiles | null; // of the last minute
  itl_ms?: Quantiles | null;
  batch?: { running: number; prefilling?: number; capacity: number; tokens?: number };
  kv?: { block_tokens: number; blocks: number; states: string; counts?: Record<string, number> };
  ledger?: { limit_bytes?: number; pools: LedgerPool[] };
  prefixes?: HotPrefix[];
}
