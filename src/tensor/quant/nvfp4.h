#pragma once
// nvfp4 (NVIDIA): 64 weights as 4-bit floats in 4 groups of 16, each with a scale of 8 bits. 4.5 bits per
// weight. Checkpoints carry a further factor per tensor, `<name>.scale`, which is applied to the product with
// the weight. No bits stand for infinities or NaNs, and nothing beyond 2688.
#include "tensor/quant/float4.h"

namespace tern::TERN_ISA_NS {
namespace {

struct nvfp4 {
  static constexpr size_t kWeights = 64;
  static constexpr uint32_t kGgufType = 40;
  static constexpr bool kFiniteOnly = true;
  static constexpr float kMost = 2688;
  struct [[gnu::packed]] Block {
    uint8_t scales[4];  // ue4m3: 4 bits of exponent, bias 7, 3 bits of mantissa; 127 stands for 0
    uint8_t q[32];      // per group 8 bytes: weights 0-7 in the low nibbles, 8-15 in the high
  };
  static_assert(sizeof(Block) == 36);

  static void Encode(const float* x, const float* w, Block& b) {
    for (size_t g = 0; g < 4; ++g) {
      float finite[16];
      for (size_t i = 0; i < 16; ++i) {
        const float plain = x[g * 16 + i];
        const float above = plain > -kMost ? plain : -kMost;  // a NaN too
        finite[i] = above < kMost ? above : kMost;
      }
      const float furthest = __builtin_fabsf(FurthestWeight(finite, 16));
      int top = 0;  // the least scale that reaches the furthest weight, of those that are numbers
      while (top < 126 && HalfScale(top) * 12.f < furthest) ++top;
      const int first = top < 5 ? 0 : top - 5, last = top < 122 ? top + 4 : 126;
      b.scales[g] =
          static_cast<uint8_t>(SearchFloat4(finite, w + g * 16, 16, first, last, HalfScale, b.q + g * 8));
    }
  }
  static void Decode(const Block& b, float* x) {
    for (size_t g = 0; g < 4; ++g) DecodeFloat4(b.q + g * 8, 16, HalfScale(b.scales[g]), x + g * 16);
  }
  static constexpr float kTolerance = 0.25f;

  // Half the scale, since kFloat4 is doubled. The highest bit is not looked at.
  static float HalfScale(int code) {
    const int exponent = code >> 3 & 15;
    const float mantissa = static_cast<float>(exponent == 0 ? code & 7 : (code & 7) + 8);
    const float place = __builtin_bit_cast(float, (exponent == 0 ? 117 : 116 + exponent) << 23);
    return code == 127 ? 0.f : mantissa * place;
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
