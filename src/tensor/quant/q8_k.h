#pragma once
// q8_k: 256 weights, one f32 scale, signed bytes and their sums over 16. Other programs keep activations in
// it; no file should hold it, yet the type has an id, so it decodes. It has no integer form: d need not fit
// f16.
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q8_k {
  static constexpr size_t kWeights = 256;
  static constexpr uint32_t kGgufType = 15;
  struct [[gnu::packed]] Block {
    float d;
    int8_t q[kWeights];
    int16_t sums[kWeights / 16];
  };
  static_assert(sizeof(Block) == 292);

  static void Encode(const float* x, Block& b) {
    b.d = __builtin_fabsf(FurthestWeight(x, kWeights)) / 127.f;
    const float inverse = Inverse(b.d);
    for (size_t g = 0; g < kWeights / 16; ++g) {
      int sum = 0;
      for (size_t i = g * 16; i < (g + 1) * 16; ++i) {
        b.q[i] = static_cast<int8_t>(NearestCode(x[i] * inverse, -127, 127));
        sum += b.q[i];
      }
      b.sums[g] = static_cast<int16_t>(sum);
    }
  }
  static void Decode(const Block& b, float* x) {
    const float d = b.d;
    for (size_t i = 0; i < kWeights; ++i) x[i] = d * static_cast<float>(b.q[i]);
  }
  static constexpr float kTolerance = 0.51f / 127;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
