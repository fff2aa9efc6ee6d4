#pragma once
// q2_0: 64 weights of -d, 0, d or 2 d, one f16 scale. 2.25 bits per weight.
#include "tensor/quant/levels.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q2_0 {
  static constexpr size_t kWeights = 64;
  static constexpr uint32_t kGgufType = 42;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t q[16];  // 2 bits per weight, the first one lowest
  };
  static_assert(sizeof(Block) == 18);

  static void Encode(const float* x, const float* w, Block& b) {
    constexpr int8_t kLevels[4] = {-1, 0, 1, 2};
    b.d = F32ToF16(SearchLevels(kLevels, x, w, kWeights, 50).d);
    const float inverse = Inverse(F16ToF32(b.d));
    for (size_t i = 0; i < kWeights; i += 4) {
      int byte = 0;
      for (size_t j = 0; j < 4; ++j) byte |= NearestLevel(kLevels, x[i + j] * inverse) << j * 2;
      b.q[i / 4] = static_cast<uint8_t>(byte);
    }
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < kWeights; ++i) x[i] = static_cast<float>((b.q[i / 4] >> i % 4 * 2 & 3) - 1) * d;
  }
  static constexpr float kTolerance = 0.75f;

  // As codes 7 to 10 of q4_0.
  static constexpr IntForm kIntForm = {.bits = 4, .group = 32, .zero = 8};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d));
    for (size_t i = 0; i < kWeights; ++i) {
      out->code[i] = static_cast<uint8_t>((b.q[i / 4] >> i % 4 * 2 & 3) + 7);
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
