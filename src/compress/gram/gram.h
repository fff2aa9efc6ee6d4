#pragma once
// Sums of outer products: what Hessians of linear layers are made of.

#include <cstddef>
#include <cstdint>

namespace tern {

struct GramArgs {
  const float* x;  // [tokens, columns]
  size_t tokens, columns;
  float* sum;  // [columns, columns]; only what is on or above the diagonal counts
};

// Rows that are added to at a time.
inline constexpr size_t kGramRows = 6;

// sum[i][j] += x[t][i] x[t][j] over all t, in their order, for i in [first, first + kGramRows) and j >=
// first. Rows below the last one are left out.
using GramFn = void (*)(const GramArgs& args, size_t first);
#define KERNEL(isa, name) void name(const GramArgs&, size_t);
#include "compress/gram/kernels.inc"
#undef KERNEL
GramFn PickGram(uint32_t have);

}  // namespace tern
