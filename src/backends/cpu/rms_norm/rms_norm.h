#pragma once
// RMS norm of one row.

#include <cstddef>
#include <cstdint>

namespace tern {

// For each of `groups` groups of d floats: y = x w / sqrt(mean(x^2) + eps). y may be x.
using RmsNormFn = void (*)(const float* x, const float* w, float* y, size_t groups, size_t d, float eps);
#define KERNEL(isa, name) void name(const float*, const float*, float*, size_t, size_t, float);
#include "backends/cpu/rms_norm/kernels.inc"
#undef KERNEL
RmsNormFn PickRmsNorm(uint32_t have);

}  // namespace tern
