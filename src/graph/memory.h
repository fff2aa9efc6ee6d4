#pragma once
// The memory planner: one arena, offsets fixed at plan time.

#include <cstddef>
#include <vector>

#include "graph/graph.h"

namespace tern {

// The largest step that a plan accepts.
struct StepLimits {
  int tokens = 512;   // T
  int outputs = 512;  // R, <= tokens
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

// Values share memory when their lifetimes do not overlap; the output of an elementwise node
// (OpDesc::in_place) takes over the memory of an input that dies there. Graph outputs live to the end.
ArenaPlan PlanArena(const Graph& graph, const StepLimits& limits);

}  // namespace tern
