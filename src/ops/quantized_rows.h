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
//
// The arithmetic is part of the contract, so that kernels agree with the reference in every bit:
//   scale = max|x| / 127, t = x * (127 / max|x|), hi = round(t), lo = round(128 * (t - hi)), halves to even.
// A group whose max|x| is below kActTiny is all zeros: scale 0. A group with a NaN or an infinity in it has a
// NaN scale and codes that mean nothing, so that whatever is computed from it is NaN, never a plain number.

#include <cstddef>
#include <cstdint>

namespace tern {

inline constexpr int kActGroup = 32;
inline constexpr float kActTiny = 0x1p-100f;

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

// The reference: quantizes one row. `out` holds row_bytes bytes and is aligned for f32.
void QuantizeRow(const float* x, int64_t k, bool precise, void* out);
void DequantizeRow(const void* row, int64_t k, bool precise, float* out);

}  // namespace tern
