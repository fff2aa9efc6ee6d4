#pragma once
// Floats of 4 bits, e2m1, whose magnitudes are 0, 0.5, 1, 1.5, 2, 3, 4, 6; what mxfp4 and nvfp4 are made of.

#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

// Twice their values, by code: the sign is the highest bit.
inline constexpr int8_t kFloat4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

inline uint8_t NearestFloat4(float twice_x) {
  const float magnitude = __builtin_fabsf(twice_x);
  int code = 0;
  for (int i = 0; i < 7; ++i)
    code += magnitude > 0.5f * static_cast<float>(kFloat4[i] + kFloat4[i + 1]) ? 1 : 0;
  return static_cast<uint8_t>(code | (twice_x < 0 ? 8 : 0));
}

// Of n weights, two to a byte: the first half in the low nibbles. Returns the weighted squared error.
inline float EncodeFloat4(const float* x, const float* w, size_t n, float scale, uint8_t* packed) {
  const float inverse = Inverse(scale);
  float error = 0;
  for (size_t i = 0; i < n / 2; ++i) {
    const uint8_t low = NearestFloat4(x[i] * inverse), high = NearestFloat4(x[i + n / 2] * inverse);
    const float miss_low = x[i] - scale * static_cast<float>(kFloat4[low]);
    const float miss_high = x[i + n / 2] - scale * static_cast<float>(kFloat4[high]);
    error += w[i] * miss_low * miss_low + w[i + n / 2] * miss_high * miss_high;
    packed[i] = static_cast<uint8_t>(low | high << 4);
  }
  return error;
}

inline void DecodeFloat4(const uint8_t* packed, size_t n, float scale, float* x) {
  for (size_t i = 0; i < n / 2; ++i) {
    x[i] = scale * static_cast<float>(kFloat4[packed[i] & 15]);
    x[i + n / 2] = scale * static_cast<float>(kFloat4[packed[i] >> 4]);
  }
}

// The scale among scale_of(code), first <= code <= last, that leaves the least error, and the weights in it.
template <class ScaleOf>
inline int SearchFloat4(const float* x, const float* w, size_t n, int first, int last, ScaleOf scale_of,
                        uint8_t* packed) {
  int best = first;
  float best_error = __builtin_inff();
  for (int code = first; code <= last; ++code) {
    const float error = EncodeFloat4(x, w, n, scale_of(code), packed);
    best = error < best_error ? code : best;
    best_error = error < best_error ? error : best_error;
  }
  EncodeFloat4(x, w, n, scale_of(best), packed);
  return best;
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
