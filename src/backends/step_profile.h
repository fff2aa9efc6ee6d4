#pragma once
// StepProfile: when each thread did what in one forward step. Plan::Profile fills it in; nothing else reads a
// clock, so a step that is not profiled costs what it did before.
//
//   PlanLayout layout = plan->layout();         // once
//   StepProfile profile(layout);                // reuse it
//   plan->Profile(batch, kv, &profile)          // a step like Run, to the bit
//
// Times are nanoseconds of the steady clock. One thread at a time; the team's threads write disjoint parts.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace tern {

inline int64_t SteadyNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// What a plan runs, in order. A stage is what all threads work on between two barriers; its items are nodes,
// or one phase of a node that has several. A node's phases are items of consecutive stages.
struct PlanLayout {
  struct Item {
    size_t node = 0;  // of the graph
    size_t stage = 0;
    // What the kernels say of the whole node; for experts, of one row. Only its first item has them.
    size_t weight_bytes = 0;  // packed weights that a step streams
    double int8_ops_per_row = 0, f32_ops_per_row = 0;
  };
  int threads = 0;  // 0: the device cannot be profiled
  size_t stages = 0;
  std::vector<Item> items = {};  // by stage, ascending
};

struct StepProfile {
  // One thread in one stage: it works from `begin` to `done` and leaves the barrier behind it at `left`.
  struct Visit {
    int64_t begin = 0, done = 0, left = 0;
  };
  struct Span {
    int first_position = 0, rows = 0, source_tokens = 0;
  };

  StepProfile() = default;
  explicit StepProfile(const PlanLayout& layout)
      : threads(static_cast<size_t>(layout.threads)),
        stages(layout.stages),
        visits(stages * threads),
        busy_ns(layout.items.size() * threads) {}

  Visit& visit(size_t stage, size_t thread) { return visits[stage * threads + thread]; }
  const Visit& visit(size_t stage, size_t thread) const { return visits[stage * threads + thread]; }
  int64_t& busy(size_t item, size_t thread) { return busy_ns[item * threads + thread]; }
  int64_t busy(size_t item, size_t thread) const { return busy_ns[item * threads + thread]; }
  // A stage without tasks is passed over, without a barrier.
  bool ran(size_t stage) const { return visit(stage, 0).begin != 0; }

  size_t threads = 0;  // of the step; room is for the layout's
  size_t stages = 0;
  int rows = 0, outputs = 0;  // T and R of the step
  std::vector<Span> spans;    // its sequences
  // The step began; its batch was checked and its tasks counted; its results were there.
  int64_t start = 0, bound = 0, end = 0;
  std::vector<Visit> visits;     // by stage and thread
  std::vector<int64_t> busy_ns;  // by item and thread: time in the kernels
};

}  // namespace tern
