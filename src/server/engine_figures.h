#pragma once
// EngineFigures: what the engine and its memory are at, in one snapshot: /metrics, /ready and /debug/state
// say the same of it, and what a scheduler counts reaches them here alone.

#include <cstdint>
#include <optional>

#include "engine/disk_prefixes.h"
#include "engine/kv_link_meters.h"
#include "engine/memory_ledger.h"

namespace tern {

struct ServerContext;

struct EngineFigures {
  // Now.
  int waiting = 0, running = 0, most_running = 0;
  int paused = 0;                          // of the first two
  int prefilling = 0;                      // of those that run
  int step_tokens = 0;                     // of the last step
  int kv_block_tokens = 0, kv_blocks = 0;  // 0: a model that generates no text
  int kv_used_blocks = 0, kv_cached_blocks = 0;
  double stuck_s = 0;                      // how long the engine has been at one step; 0: it is idle
  MemoryLedger pools{};                    // what memory is for
  std::optional<DiskPrefixCounts> disk{};  // where KV is kept on disk
  std::optional<KvLinkCounts> link{};      // to another process's engine
  // So far.
  uint64_t refused = 0, preemptions = 0;
  uint64_t drafts = 0, draft_tokens = 0, accepted_tokens = 0;

  double kv_usage() const { return kv_blocks > 0 ? double(kv_used_blocks) / kv_blocks : 0; }
  // An engine that is at one step for longer than any step takes does not answer.
  bool hangs() const { return stuck_s > 10; }
};

// From any thread.
EngineFigures FiguresOf(const ServerContext& context);

}  // namespace tern
