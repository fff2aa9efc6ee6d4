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
  std::vector<size_t>
      offset;  // by ValueId, multiples of 64; kNoOffset where the value has no bytes in the arena
  size_t bytes = 0;
  size_t naive_bytes = 0;  // without reuse
};

// Values share memory when their lifetimes do not overlap; an elementwise node (`in_place` attribute of its
// op by name: add, mul, silu, ...) may take over the memory of an input that dies there. Graph outputs live
// to the end.
ArenaPlan PlanArena(const Graph& graph, const StepLimits& limits);

}  // namespace tern
