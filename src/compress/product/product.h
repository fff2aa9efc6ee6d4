#pragma once
// Products of matrices, taken off another: what factoring a Hessian and feeding errors forward are made of.

#include <cstddef>
#include <cstdint>

namespace tern {

struct ProductArgs {
  const float* a;  // [rows, depth], rows `a_stride` numbers apart
  const float* b;  // [depth, columns], rows `b_stride` apart
  float* out;      // [rows, columns], rows `out_stride` apart
  size_t rows, depth, columns;
  size_t a_stride, b_stride, out_stride;
};

// out -= a b; sums run over the depth in its order.
using ProductFn = void (*)(const ProductArgs& args);
#define KERNEL(isa, name) void name(const ProductArgs&);
#include "compress/product/kernels.inc"
#undef KERNEL
ProductFn PickProduct(uint32_t have);

}  // namespace tern
