#pragma once
// Elementwise ops over n floats. Outputs may be inputs.

#include <cstddef>
#include <cstdint>

namespace tern {

struct ElementwiseKernels {
  using Binary = void (*)(const float* x, const float* y, float* out, size_t n);
  using Unary = void (*)(const float* x, float* out, size_t n);
  using Scalar = void (*)(const float* x, float by, float* out, size_t n);
  Binary add, mul;
  Unary silu, gelu_tanh, gelu, relu, relu2, sigmoid;
  Scalar scale, softcap;
  Scalar add_scaled;  // out += x by
};
#define KERNEL(isa, name) extern const ElementwiseKernels name;
#include "backends/cpu/elementwise/kernels.inc"
#undef KERNEL
const ElementwiseKernels& PickElementwise(uint32_t have);

}  // namespace tern
