#pragma once
// One row of f32 to a quantized row: the same bits as QuantizeRow in ops/quantized_rows.h.

#include <cstddef>
#include <cstdint>

#include "ops/quantized_rows.h"

namespace tern {

// Where the parts of a quantized row lie; lo and sum null: the fast form.
struct QuantizedRowParts {
  float* scale;
  int32_t* sum_hi;
  int32_t* sum;
  int8_t* hi;
  int8_t* lo;

  // Of the values from `first` on, a multiple of 32.
  QuantizedRowParts From(size_t first) const {
    return {scale + first / 32, sum_hi + first / 16, sum == nullptr ? nullptr : sum + first / 16, hi + first,
            lo == nullptr ? nullptr : lo + first};
  }
};
inline QuantizedRowParts PartsOf(void* row, size_t k, bool precise) {
  const QuantizedRowLayout layout = QuantizedRow(static_cast<int64_t>(k), precise);
  char* base = static_cast<char*>(row);
  return {reinterpret_cast<float*>(base), reinterpret_cast<int32_t*>(base + layout.sum_hi),
          precise ? reinterpret_cast<int32_t*>(base + layout.sum) : nullptr,
          reinterpret_cast<int8_t*>(base + layout.hi),
          precise ? reinterpret_cast<int8_t*>(base + layout.lo) : nullptr};
}

// k % 32 == 0.
using QuantizeRowFn = void (*)(const float* x, size_t k, const QuantizedRowParts& row);
#define KERNEL(isa, name) void name(const float*, size_t, const QuantizedRowParts&);
#include "backends/cpu/quantize/kernels.inc"
#undef KERNEL
QuantizeRowFn PickQuantizeRow(uint32_t have);

}  // namespace tern
