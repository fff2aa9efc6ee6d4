#pragma once
// Weights of -d, 0, d.

#include "tensor/quant/code_layouts.h"
#include "tensor/quant/levels.h"

namespace tern::TERN_ISA_NS {
namespace {

// d and the digits (0, 1, 2 for -d, 0, d) of 256 weights.
inline uint16_t EncodeTernary(const float* x, const float* w, uint8_t* digit) {
  constexpr int8_t kLevels[3] = {-1, 0, 1};
  const uint16_t d = F32ToF16(__builtin_fabsf(SearchLevels(kLevels, x, w, kSuperBlock, 200).d));
  const float inverse = Inverse(F16ToF32(d));
  for (size_t i = 0; i < kSuperBlock; ++i) digit[i] = NearestLevel(kLevels, x[i] * inverse);
  return d;
}

inline void DecodeTernary(uint16_t d_bits, const uint8_t* digit, float* x) {
  const float d = F16ToF32(d_bits);
  for (size_t i = 0; i < kSuperBlock; ++i) x[i] = static_cast<float>(digit[i] - 1) * d;
}

// As codes of q3_k: integer kernels know that form, and what it wastes is less than decoding costs.
inline constexpr IntForm kTernaryForm = {.bits = 4, .group = 16, .zero = 4, .two_level = true};
inline void TernaryToInts(uint16_t d, const uint8_t* digit, IntBlock* out) {
  SetScale(out, F16ToF32(d));
  for (uint8_t& mn : out->mn) mn = 0;
  for (size_t i = 0; i < kSuperBlock; ++i) out->code[i] = static_cast<uint8_t>(digit[i] + 3);
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
