#pragma once
// fp8_e4m3: 128 weights as floats of 8 bits and an f32 scale. 8.25 bits per weight. How FP8 checkpoints lie
// in memory: whatever of them one scale serves, it is repeated per block, so that decoding has their very
// numbers. No other program reads it: it is not written.
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct fp8_e4m3 {
  static constexpr size_t kWeights = 128;
  static constexpr uint32_t kGgufType = 1000002;
  struct [[gnu::packed]] Block {
    float d;
    uint8_t q[kWeights];  // sign, 4 bits of exponent, bias 7, 3 bits of mantissa; 127 stands for NaN
  };

  static void Encode(const float* x, Block& b) {
    b.d = __builtin_fabsf(FurthestWeight(x, kWeights)) / 448.f;
    for (size_t i = 0; i < kWeights; ++i) b.q[i] = Nearest(b.d > 0 ? x[i] / b.d : 0.f);
  }
  static void Decode(const Block& b, float* x) {
    const float d = b.d;
    for (size_t i = 0; i < kWeights; ++i) x[i] = Value(b.q[i]) * d;
  }
  static constexpr float kTolerance = 0.04f;  // half of 32 in 448

 private:
  static uint8_t Nearest(float x) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, __builtin_fabsf(x));
    // Below 2^-6 steps of 2^-9; above, the mantissa's first 3 bits, rounded, which may carry.
    const int small = NearestCode(__builtin_fabsf(x) * 512.f, 0, 8);
    const int large = static_cast<int>((bits + (1u << 19)) >> 20) - (120 << 3);
    const int code = bits < (121u << 23) ? small : large;
    return static_cast<uint8_t>((code < 126 ? code : 126) | (x < 0 ? 128 : 0));
  }
  static float Value(uint8_t code) {
    const int exponent = code >> 3 & 15;
    const auto mantissa = static_cast<float>(exponent == 0 ? code & 7 : (code & 7) + 8);
    const float place = __builtin_bit_cast(float, (exponent == 0 ? 118 : 117 + exponent) << 23);
    const float magnitude = (code & 127) == 127 ? __builtin_nanf("") : mantissa * place;
    return (code & 128) != 0 ? -magnitude : magnitude;
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
