#pragma once
// q4_0: 32 weights, one f16 scale, 4-bit codes around 8. 4.5 bits per weight.
#include "tensor/quant/code_layouts.h"
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q4_0 {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 2;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t q[16];  // weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 18);

  static void Encode(const float* x, const float* w, Block& b) {
    b.d = F32ToF16(SearchScale(x, w, kWeights, 8));
    const float inverse = Inverse(F16ToF32(b.d));
    uint8_t code[kWeights];
    for (size_t i = 0; i < kWeights; ++i)
      code[i] = static_cast<uint8_t>(NearestCode(x[i] * inverse, -8, 7) + 8);
    PackCodes(code, &b);
  }
  static constexpr uint16_t kCodes = 16;
  static void PackCodes(const uint8_t* code, Block* b) { PackHalves(code, b->q); }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < 16; ++i) {
      x[i] = static_cast<float>((b.q[i] & 15) - 8) * d;
      x[i + 16] = static_cast<float>((b.q[i] >> 4) - 8) * d;
    }
  }
  static constexpr float kTolerance = 1.01f / 7;

  static constexpr IntForm kIntForm = {.bits = 4, .group = 32, .zero = 8};
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
