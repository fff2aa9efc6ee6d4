#pragma once
// LayerNorm of one row.

#include <cstddef>
#include <cstdint>

namespace tern {

struct LayerNormArgs {
  const float* w;
  const float* b;      // null: none
  size_t groups, d;    // of the row
  size_t weight_step;  // from a group's weights to the next's: 0 or d
  float eps;
};

// For each group: y = (x - mean) / sqrt(var + eps) w (+ b). y may be x.
using LayerNormFn = void (*)(const LayerNormArgs& args, const float* x, float* y);
#define KERNEL(isa, name) void name(const LayerNormArgs&, const float*, float*);
#include "backends/cpu/layer_norm/kernels.inc"
#undef KERNEL
LayerNormFn PickLayerNorm(uint32_t have);

}  // namespace tern
