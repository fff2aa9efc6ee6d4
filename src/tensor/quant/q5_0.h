#pragma once
// q5_0: 32 weights, one f16 scale, 5-bit codes around 16. 5.5 bits per weight.
#include "tensor/quant/five_bits.h"
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q5_0 {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 6;
  struct [[gnu::packed]] Block {
    uint16_t d;
    FiveBitCodes q;
  };
  static_assert(sizeof(Block) == 22);

  static void Encode(const float* x, const float* w, Block& b) {
    b.d = F32ToF16(SearchScale(x, w, kWeights, 16));
    const float inverse = Inverse(F16ToF32(b.d));
    uint8_t code[kWeights];
    for (size_t i = 0; i < kWeights; ++i) {
      code[i] = static_cast<uint8_t>(NearestCode(x[i] * inverse, -16, 15) + 16);
    }
    PackCodes(code, &b);
  }
  static constexpr uint16_t kCodes = 32;
  static void PackCodes(const uint8_t* code, Block* b) { b->q.Pack(code); }
  static void Decode(const Block& b, float* x) {
    uint8_t code[kWeights];
    b.q.Unpack(code);
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < kWeights; ++i) x[i] = static_cast<float>(code[i] - 16) * d;
  }
  static constexpr float kTolerance = 1.01f / 15;

  static constexpr IntForm kIntForm = {.bits = 5, .group = 32, .zero = 16};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d));
    b.q.Unpack(out->code);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
