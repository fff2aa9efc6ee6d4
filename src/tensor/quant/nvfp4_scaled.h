#pragma once
// nvfp4_scaled: 64 weights as nvfp4 has them, and the tensor's factor as an f32. 5 bits per weight. How NVFP4
// checkpoints lie in memory where no product can be multiplied by the factor: a layer's experts, each with
// its own. No other program reads it: it is not written.
#include "tensor/quant/nvfp4.h"

namespace tern::TERN_ISA_NS {
namespace {

struct nvfp4_scaled {
  static constexpr size_t kWeights = nvfp4::kWeights;
  static constexpr uint32_t kGgufType = 1000004;
  struct [[gnu::packed]] Block {
    float d;  // below 0: divides the scales as -d, else multiplies them; some programs store divisors
    nvfp4::Block weights;
  };
  static_assert(sizeof(Block) == 40);

  static void Encode(const float* x, const float* w, Block& b) {
    b.d = __builtin_fabsf(FurthestWeight(x, kWeights)) / nvfp4::kMost;
    float scaled[kWeights];
    for (size_t i = 0; i < kWeights; ++i) scaled[i] = b.d > 0 ? x[i] / b.d : 0;
    nvfp4::Encode(scaled, w, b.weights);
  }
  static void Decode(const Block& b, float* x) {
    const float d = b.d;
    for (size_t g = 0; g < 4; ++g) {
      const float scale = nvfp4::HalfScale(b.weights.scales[g]);
      DecodeFloat4(b.weights.q + g * 8, 16, d < 0 ? scale / -d : scale * d, x + g * 16);
    }
  }
  static constexpr float kTolerance = nvfp4::kTolerance;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
