#pragma once
// iq4_nl: 32 weights, one f16 scale, 4-bit codes for the 16 levels of levels.h. 4.5 bits per weight.
#include "tensor/quant/code_layouts.h"
#include "tensor/quant/levels.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq4_nl {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 20;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t q[16];  // weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 18);

  static void Encode(const float* x, const float* w, Block& b) {
    b.d = F32ToF16(SearchLevels(kLevels4[0], x, w, kWeights).d);
    const float inverse = Inverse(F16ToF32(b.d));
    uint8_t code[kWeights];
    for (size_t i = 0; i < kWeights; ++i) code[i] = NearestLevel(kLevels4[0], x[i] * inverse);
    PackCodes(code, &b);
  }
  static constexpr uint16_t kCodes = 16;
  static void PackCodes(const uint8_t* code, Block* b) { PackHalves(code, b->q); }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < 16; ++i) {
      x[i] = d * static_cast<float>(kLevels4[0][b.q[i] & 15]);
      x[i + 16] = d * static_cast<float>(kLevels4[0][b.q[i] >> 4]);
    }
  }
  static constexpr float kTolerance = 0.2f;

  static constexpr IntForm kIntForm = WithLevels({.group = 32, .zero = 128}, kLevels4[0]);
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d));
    for (size_t i = 0; i < 16; ++i) {
      out->code[i] = b.q[i] & 15;
      out->code[i + 16] = b.q[i] >> 4;
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
