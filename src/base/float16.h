#pragma once
// Half-precision floats as bit patterns: f16 is IEEE binary16, bf16 the upper half of an f32.
//
// To f32 is exact; from f32 rounds to nearest, ties to even. Subnormals and infinities are kept; a NaN stays
// a NaN, quiet, with the upper bits of its payload. These are the results of F16C and AVX512-BF16
// instructions, except that AVX512-BF16 flushes subnormals.
//
// Free of branches, so that loops vectorise; always inlined, so that ISA files may use them.

#include <cstdint>

namespace tern {

[[gnu::always_inline]] constexpr float F16ToF32(uint16_t f16) {
  constexpr int32_t kExponent = 1 << 23, kInfinity = 0x7c00 << 13;
  const int32_t sign = static_cast<int32_t>(static_cast<uint32_t>(f16 & 0x8000) << 16);
  const int32_t magnitude = (f16 & 0x7fff) << 13;
  int32_t normal = magnitude + (127 - 15) * kExponent;
  normal += -(magnitude >= kInfinity) & ((128 - 16) * kExponent);
  normal |= -(magnitude > kInfinity) & (1 << 22);
  // A subnormal's mantissa behind the exponent of 2^-14, less the leading one it does not have.
  const float small = __builtin_bit_cast(float, magnitude + 113 * kExponent) - 0x1p-14f;
  const int32_t is_small = -(magnitude < kExponent);
  const int32_t bits = (normal & ~is_small) | (__builtin_bit_cast(int32_t, small) & is_small);
  return __builtin_bit_cast(float, bits | sign);
}

[[gnu::always_inline]] constexpr uint16_t F32ToF16(float f32) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, f32);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t normal = (magnitude - ((127u - 15u) << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // One half has f16's smallest subnormal as its last place, so this sum rounds as f16 must.
  const bool is_subnormal = magnitude < (113u << 23);
  const float small = __builtin_bit_cast(float, is_subnormal ? magnitude : 0u) + 0.5f;
  const uint32_t subnormal = __builtin_bit_cast(uint32_t, small) - __builtin_bit_cast(uint32_t, 0.5f);
  const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  uint32_t result = is_subnormal ? subnormal : normal;
  result = magnitude >= 0x477ff000u ? 0x7c00u : result;  // 65520 and up
  result = magnitude > 0x7f800000u ? nan : result;
  return static_cast<uint16_t>(result | sign);
}

// The largest finite values.
inline constexpr float kF16Max = 65504.f, kBf16Max = 0x1.fep127f;

// x, or where it is finite and larger than `most`, `most` of its sign: rounding makes no infinity of it.
[[gnu::always_inline]] constexpr float Saturate(float x, float most) {
  const float size = x < 0 ? -x : x;
  const bool over = size > most && size < __builtin_inff();
  return over ? (x < 0 ? -most : most) : x;
}

[[gnu::always_inline]] constexpr float Bf16ToF32(uint16_t bf16) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(bf16) << 16);
}

[[gnu::always_inline]] constexpr uint16_t F32ToBf16(float f32) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, f32);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

}  // namespace tern
