#pragma once
// Quantized activations: how a row of f32 becomes the integers that linear kernels multiply.
//
// Per group of 32 values, scale = max|x| / 127:
//   q8   x ~ scale * hi                        hi in -127..127
//   q16  x ~ scale / 128 * (128 * hi + lo)     lo in -64..64: the rounding error of hi, itself in 7 bits
// q16's hi plane is exactly q8's, so one quantized row serves fast and precise consumers at once.
//
// A row of K values (K % 32 == 0) lies as
//   f32 scale[K/32] | i32 sum_hi[K/16] | (q16) i32 sum[K/16] | i8 hi[K] | (q16) i8 lo[K]
// where sum_hi adds hi, and sum adds 128 * hi + lo, over 16 values: kernels seed accumulators with them.
// Every part starts at a multiple of 64 bytes. Groups never span tokens (determinism).

#include <cstddef>
#include <cstdint>

namespace tern {

inline constexpr int kActGroup = 32;

struct QuantizedRowLayout {
  size_t sum_hi, sum, hi, lo;  // byte offsets; scales are at 0. sum and lo only where precise
  size_t row_bytes;
};

constexpr QuantizedRowLayout QuantizedRow(int64_t k, bool precise) {
  auto up = [](size_t n) { return (n + 63) / 64 * 64; };
  const size_t n = static_cast<size_t>(k);
  QuantizedRowLayout row{};
  row.sum_hi = up(n / 32 * 4);
  row.sum = row.sum_hi + up(n / 16 * 4);
  row.hi = precise ? row.sum + up(n / 16 * 4) : row.sum;
  row.lo = row.hi + up(n);
  row.row_bytes = precise ? row.lo + up(n) : row.lo;
  return row;
}

// The reference: quantizes one row. Rounds half to even.
void QuantizeRow(const float* x, int64_t k, bool precise, void* out);
void DequantizeRow(const void* row, int64_t k, bool precise, float* out);

}  // namespace tern
