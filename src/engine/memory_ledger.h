#pragma once
// MemoryLedger: what an engine's memory is for, by pools that add up. All but the split between "kv"
// and "prefix_cache", and queues, is fixed when a runner is made; that is also where what does not fit is
// refused, with the numbers.

#include <array>
#include <string_view>

#include "engine/runner.h"
#include "sched/scheduler.h"

namespace tern {

struct MemoryPool {
  std::string_view name;
  size_t bytes = 0;
};

// "weights" (the file as it is mapped), "packed_weights", "activations", "kv" (of requests, and free),
// "prefix_cache" (KV that is kept for prompts to come), "draft_model" (all of it), "kv_disk_queues" (KV on
// its way to disk and back), "kv_link" (KV on its way to another process, or from it).
using MemoryLedger = std::array<MemoryPool, 8>;

inline MemoryLedger LedgerOf(const RunnerBytes& bytes, const SchedulerCounts& counts,
                             const RunnerBytes& draft = {}, size_t kv_disk_queues = 0, size_t kv_link = 0) {
  const auto part = [](size_t all, int of, int blocks) {
    return blocks > 0 ? all / static_cast<size_t>(blocks) * static_cast<size_t>(of) : 0;
  };
  const size_t cached = part(bytes.kv - bytes.window_kv, counts.kv_cached, counts.kv_blocks) +
                        part(bytes.window_kv, counts.window_cached, counts.window_blocks);
  return {{{"weights", bytes.file},
           {"packed_weights", bytes.packed_weights},
           {"activations", bytes.arena},
           {"kv", bytes.kv - cached},
           {"prefix_cache", cached},
           {"draft_model", draft.file + draft.packed_weights + draft.arena + draft.kv},
           {"kv_disk_queues", kv_disk_queues},
           {"kv_link", kv_link}}};
}

}  // namespace tern
