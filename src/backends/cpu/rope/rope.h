#pragma once
// Rotary position embedding of one row.

#include <cstddef>
#include <cstdint>

namespace tern {

struct RopeRow {
  const float* x;       // [heads * head_dim]; y may be x
  const float* cosine;  // "half": [rotated / 2]; "pair": [rotated], each twice
  const float* sine;    // the same; "pair": -s, s, -s, s ...
  float* y;
  size_t heads, head_dim, rotated;
  size_t offset;  // of the first rotated channel
};
struct RopeKernels {
  void (*half)(const RopeRow& row);
  void (*pair)(const RopeRow& row);
};
#define KERNEL(isa, name) extern const RopeKernels name;
#include "backends/cpu/rope/kernels.inc"
#undef KERNEL
const RopeKernels& PickRope(uint32_t have);

}  // namespace tern
