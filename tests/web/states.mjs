// A /debug/state with everything in it.
export const FULL_STATE = {
  model: "fake", context: 8192, uptime_s: 3725, draining: false,
  requests: { waiting: 2, prefilling: 1, running: 3, finished: 1234, cancelled: 5, refused: 6, failed: 0 },
  tokens: { prompt: 1000, cached: 400, completion: 500 },
  ttft_ms: { p50: 81.5, p99: 240 }, itl_ms: { p50: 7.25, p99: 12 },
  batch: { running: 3, prefilling: 1, capacity: 8, tokens: 67 },
  kv: { block_tokens: 16, blocks: 96, states: "uuuuuuuuuuuussssssssccccc".padEnd(96, ".") },
  ledger: {
    limit_bytes: 2_000_000_000,
    pools: [{ name: "weights", bytes: 98_000_000 }, { name: "kv", bytes: 210_000_000 }, { name: "activations", bytes: 12_000 }],
  },
  prefixes: [{ id: "9f2c4e1a77d0b3c5", tokens: 1504, hits: 12, age_s: 3.2 }],
};
