#pragma once
// The memory planner: one arena, offsets fixed at plan time.

#include <cstddef>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace tern {

// The largest step that a plan accepts.
struct StepLimits {
  int tokens = 512;   // T
  int outputs = 512;  // R, <= tokens
  // Positions of a sequence; 0: any number. Block-sparse attention must know.
  int context = 0;
};

// Bytes of a value under `limits`; 0 for weights and state. Quantized rows by QuantizedRow().
size_t ValueBytes(const ValueType& type, const StepLimits& limits);

inline constexpr size_t kNoOffset = ~size_t{0};
struct ArenaPlan {
  // By ValueId, multiples of 64; kNoOffset for weights, state and graph inputs (the caller's memory).
  std::vector<size_t> offset;
  size_t bytes = 0;
  size_t naive_bytes = 0;  // without reuse
};

// Values share memory when their lifetimes do not overlap; a node whose op is `in_place` may take over the
// memory of an input that dies there. Graph outputs live to the end.
//
// `stages`, if given, says per node (ascending) which stage of the plan runs it. Nodes of one stage run row
// by row without waiting for one another, so a value's memory is free for others only after the stage of its
// last reader; in-place nodes stay in their own rows and may still take over.
ArenaPlan PlanArena(const Graph& graph, const StepLimits& limits, std::span<const int> stages = {});

}  // namespace tern
